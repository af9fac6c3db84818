import { afterAll, expect, test } from 'vitest'
import { upstreamServer } from '../../test/support/upstreamServer.ts'
import { stripe } from '../connectors/stripe/index.ts'
import { createHttp } from '../upstream/http.ts'
import type { Quota } from '../upstream/quota.ts'
import { createIdentify } from './identity.ts'

const http = createHttp({ upstreamHosts: ['127.0.0.1'] })
afterAll(() => http.close())

test('new properties of a stored credential wait for nothing that its old ones were told to; the stored ones do', async () => {
  await using server = await upstreamServer((_request, response) =>
    response.writeHead(200).end('{"id":"acct_1","object":"account","data":[],"has_more":false}'),
  )
  const paidBy: (string | null)[] = []
  const quota: Quota = {
    take: async ({ credentialId }) => {
      paidBy.push(credentialId)
      return { observedAt: '', usable: () => true, release: () => undefined }
    },
    block: async () => undefined,
    close: async () => undefined,
  }
  const tokens = { current: async () => '' }
  const identify = createIdentify({ http, quota, tokens })
  const kind = stripe.credentialKinds.find((one) => one.kind === 'stripe_key')!
  const { signal } = new AbortController()
  const properties = { secret: 'sk_test_new' }
  const asked = { connector: stripe, kind, properties, baseUrl: server.url, signal }
  const credentialId = '00000000-0000-4000-8000-000000000001'
  expect(await identify({ ...asked, credentialId })).toMatchObject({ account: 'acct_1' })
  await identify({ ...asked, credentialId, stored: true })
  expect(new Set(paidBy.slice(0, paidBy.length / 2))).toEqual(new Set([null]))
  expect(new Set(paidBy.slice(paidBy.length / 2))).toEqual(new Set([credentialId]))
})
