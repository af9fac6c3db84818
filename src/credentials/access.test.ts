import { expect, test } from 'vitest'
import type { Collection, Connector } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { createHttp } from '../upstream/http.ts'
import type { Quota } from '../upstream/quota.ts'
import type { AccessAsked } from './access.ts'
import { createAccess } from './access.ts'

const http = createHttp({ upstreamHosts: [] })

test('what may be read, what not and why, and what the account does not have', async () => {
  const { access, asked } = start({
    open: () => Promise.resolve(),
    closed: () => Promise.reject(new AppError('permanent', 'It lacks a right.')),
    off: () => Promise.reject(new AppError('permanent', 'No such.', { code: 'not-enabled' })),
  })
  expect(Object.fromEntries(await access(asked))).toEqual({
    open: { status: 'readable', reason: null },
    closed: { status: 'not_permitted', reason: 'It lacks a right.' },
    off: { status: 'not_enabled', reason: 'No such.' },
  })
})

test('what is known is not asked for again within ten minutes, but for another version of the credential', async () => {
  let probes = 0
  const { access, asked, clock } = start({ open: () => Promise.resolve(void probes++) })
  await access(asked)
  await access(asked)
  expect(probes).toBe(1)
  await access({ ...asked, credential: { ...asked.credential, version: '2' } })
  expect(probes).toBe(2)
  clock.ms += 601_000
  await access(asked)
  expect(probes).toBe(3)
})

test('a provider that does not answer leaves it unknown, after few tries, and the next call asks again', async () => {
  let down = true
  let probes = 0
  const probe = () => {
    probes++
    return down ? Promise.reject(new AppError('transient', 'It is down.')) : Promise.resolve()
  }
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`c${at}`, probe]))
  const { access, asked } = start(many)
  const first = [...(await access(asked)).values()]
  expect(
    first.every(({ status, reason }) => status === 'unknown' && reason === 'It is down.'),
  ).toBe(true)
  expect(probes).toBeLessThanOrEqual(8)
  down = false
  const second = [...(await access(asked)).values()]
  expect(second.every(({ status }) => status === 'readable')).toBe(true)
})

function start(probes: Record<string, () => Promise<void>>) {
  const clock = { ms: 0 }
  const collection = (probe: () => Promise<void>): Collection => ({
    title: 'Things',
    ranges: false,
    refresh: {},
    enumerateEveryMs: 1,
    deletes: [],
    fields: [],
    list: () => Promise.reject(new Error('it is probed')),
    probe,
  })
  const connector = {
    provider: 'acme',
    title: 'Acme',
    credentialKinds: [{ kind: 'acme_key', secrets: [], auth: () => ({}) }],
    limits: [],
    feeds: {},
    collections: Object.fromEntries(
      Object.entries(probes).map(([name, probe]) => [name, collection(probe)]),
    ),
  } as unknown as Connector
  const asked: AccessAsked = {
    connector,
    credential: {
      id: 'cred_1',
      version: '1',
      kind: 'acme_key',
      properties: {},
      ciphertext: Buffer.alloc(0),
      keyId: 'k',
      baseUrl: 'https://acme.example',
      livemode: false,
    },
    rateLimits: [],
    names: Object.keys(probes),
    signal: new AbortController().signal,
  }
  const sealer = { open: () => ({}) }
  const tokens = { current: () => Promise.reject(new Error('no tokens here')) }
  return {
    access: createAccess({ quota: {} as Quota, http, sealer, tokens, now: () => clock.ms }),
    asked,
    clock,
  }
}
