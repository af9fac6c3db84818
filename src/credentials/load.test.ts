import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { upstreamServer } from '../../test/support/upstreamServer.ts'
import type { Connector, Context, CredentialKind } from '../connectors/connector.ts'
import { createHttp } from '../upstream/http.ts'
import type { Quota } from '../upstream/quota.ts'
import { createIdentify } from './identity.ts'
import { openCredential } from './load.ts'
import { places } from './places.ts'
import { createSealer } from './seal.ts'

const http = createHttp({ upstreamHosts: ['127.0.0.1'] })
afterAll(() => http.close())

const kind: CredentialKind = {
  kind: 'acme_key',
  title: 'Key',
  properties: undefined as never,
  secrets: ['secret'],
  baseUrl: () => 'https://api.acme.test',
  auth: ({ secret }) => ({ authorization: `Bearer ${secret as string}` }),
  fallbackAccount: ({ shop }) => `shop:${shop as string}`,
}

const connector = {
  provider: 'acme',
  title: 'Acme',
  credentialKinds: [kind],
  limits: [],
  async identify(ctx: Context) {
    const answer = await ctx.request({ path: '/me', accept: [403] })
    const account = answer.status === 200 ? (JSON.parse(answer.body) as { id: string }).id : null
    return { account, name: ctx.config['shop'] ?? null, livemode: false }
  },
} as unknown as Connector

const none = { current: () => Promise.reject(new Error('no tokens here')) }
const sealer = createSealer([randomBytes(32).toString('base64')])

test('G12: an opened credential authenticates, and shows its secret nowhere else', async () => {
  const opened = openCredential(row('credential'), sealer, connector, none)
  expect(await opened.headers()).toEqual({ authorization: 'Bearer sk_canary' })
  expect(opened.config).toEqual({ shop: 'a', plan: '7' })
  expect(inspect(opened, { depth: 12, showHidden: true }) + JSON.stringify(opened)).not.toContain(
    'sk_canary',
  )
})

test('a row of a kind that there is no more says what to do', () => {
  expect(() => openCredential({ ...row('x'), kind: 'acme_old' }, sealer, connector, none)).toThrow(
    /Put in a new credential/,
  )
})

test('secrets of one row do not open in another', async () => {
  await expect(
    openCredential({ ...row('a'), id: 'b' }, sealer, connector, none).headers(),
  ).rejects.toMatchObject({ kind: 'bug' })
})

test('the provider says which account a credential is for; where it may not, the kind does', async () => {
  await using server = await upstreamServer((request, response) => {
    response
      .writeHead(request.headers.authorization === 'Bearer full' ? 200 : 403)
      .end('{"id":"acct_1"}')
  })
  const identify = createIdentify({ quota: generous, http, tokens: none })
  const asked = {
    connector,
    kind,
    baseUrl: server.url,
    credentialId: null,
    signal: new AbortController().signal,
  }
  expect(await identify({ ...asked, properties: { secret: 'full', shop: 's' } })).toEqual({
    account: 'acct_1',
    name: 's',
    livemode: false,
  })
  expect(
    await identify({ ...asked, properties: { secret: 'restricted', shop: 's' } }),
  ).toMatchObject({ account: 'shop:s' })
})

test('a mode that the key tells by itself is believed', async () => {
  await using server = await upstreamServer((_, response) =>
    response.writeHead(200).end('{"id":"acct_1"}'),
  )
  const identify = createIdentify({ quota: generous, http, tokens: none })
  const live = { ...kind, livemode: () => true }
  const asked = {
    connector,
    kind: live,
    baseUrl: server.url,
    credentialId: null,
    signal: new AbortController().signal,
  }
  expect(await identify({ ...asked, properties: { secret: 'x' } })).toMatchObject({
    livemode: true,
  })
})

const generous: Quota = {
  take: async () => ({
    observedAt: '2026-11-24T06:00:00.000000Z',
    usable: () => true,
    release: () => undefined,
  }),
  block: async () => undefined,
  close: async () => undefined,
}

function row(id: string) {
  const { ciphertext, keyId } = sealer.seal({ secret: 'sk_canary' }, places.credential(id))
  return {
    id,
    kind: 'acme_key',
    properties: { shop: 'a', plan: 7 },
    ciphertext,
    keyId,
    baseUrl: 'https://api.acme.test',
  }
}
