import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, webhookSecret } from '../../test/support/api.ts'
import type { TestApi } from '../../test/support/api.ts'
import { places } from './places.ts'
import { rotateKeys } from './rotate.ts'
import { createSealer } from './seal.ts'

const key = () => randomBytes(32).toString('base64')
const [oldKey, newKey] = [key(), key()]
const both = createSealer([newKey, oldKey])
const onlyNew = createSealer([newKey])

let api: TestApi
beforeAll(async () => {
  api = await openApi({ sealer: createSealer([oldKey]) })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

async function secretOf(id: string): Promise<unknown> {
  const [row] = await api.database.sql`select ciphertext, key_id from credentials where id = ${id}`
  return onlyNew.open(row!['ciphertext'], row!['key_id'], places.credential(id))
}

async function oneOfEach() {
  const { body: credential } = await api.ask('POST', '/v1/credentials', {
    kind: 'crm_key',
    secret: `${crypto.randomUUID()}.1`,
  })
  await api.ask('POST', '/v1/oauth-apps', {
    provider: 'crm',
    name: 'a',
    client_id: 'c',
    client_secret: 's',
  })
  const { body: endpoint } = await api.ask(
    'POST',
    `/v1/credentials/${credential.id}/webhook-endpoint`,
    { secret: webhookSecret },
    { 'idempotency-key': crypto.randomUUID() },
  )
  return { credential, endpoint }
}

test('G12: every secret is sealed under the newest key, and a second run finds nothing to do', async () => {
  const { credential } = await oneOfEach()
  const before = await api.ask('GET', `/v1/credentials/${credential.id}`)
  const results = await rotateKeys(api.database.sql, both)
  expect(results.map(({ table, resealed }) => [table, resealed > 0])).toEqual([
    ['credentials', true],
    ['oauth_tokens', false],
    ['oauth_apps', true],
    ['webhook_endpoints', true],
    ['idempotency_keys', true],
  ])
  expect(await secretOf(credential.id)).toHaveProperty('secret')
  const after = await api.ask('GET', `/v1/credentials/${credential.id}`)
  expect(after.headers.get('etag')).toBe(before.headers.get('etag'))
  const again = await rotateKeys(api.database.sql, both)
  expect(again.map(({ resealed }) => resealed)).toEqual([0, 0, 0, 0, 0])
})

test('G12: a secret that is patched meanwhile wins over its rotation', async () => {
  const { credential } = await oneOfEach()
  const account = String(credential.account)
  const slow = {
    ...both,
    rewrap(...args: Parameters<typeof both.rewrap>) {
      // between the read and the write of the rotation
      patched ??= api.ask('PATCH', `/v1/credentials/${credential.id}`, {
        properties: { secret: `${account}.patched` },
      })
      return both.rewrap(...args)
    },
  }
  let patched: ReturnType<typeof api.ask> | undefined
  await rotateKeys(api.database.sql, slow)
  expect((await patched!).status).toBe(200)
  await rotateKeys(api.database.sql, both)
  expect(await secretOf(credential.id)).toEqual({ secret: `${account}.patched` })
})

test('G12: fifty patches during a rotation lose nothing and are all sealed anew', async () => {
  const made = await Promise.all(Array.from({ length: 10 }, oneOfEach))
  const patches = Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const { credential } = made[index % made.length]!
      const properties = { secret: `${credential.account}.${index}` }
      return await api.ask('PATCH', `/v1/credentials/${credential.id}`, { properties })
    }),
  )
  await rotateKeys(api.database.sql, both)
  expect((await patches).every(({ status }) => status === 200)).toBe(true)
  await rotateKeys(api.database.sql, both)
  for (const [index, { credential }] of made.entries()) {
    const { secret } = (await secretOf(credential.id)) as { secret: string }
    expect(Number(secret.split('.')[1]) % made.length).toBe(index)
  }
})

test('G12: what no key opens is named, left as it is, and keeps nothing else from being sealed anew', async () => {
  const { credential } = await oneOfEach()
  const { credential: lost } = await oneOfEach()
  await api.database.sql`update credentials set key_id = 'gone' where id = ${lost.id}`
  const [credentials] = await rotateKeys(api.database.sql, both)
  expect(credentials!.unreadable).toEqual([lost.id])
  expect(await secretOf(credential.id)).toHaveProperty('secret')
  await api.database.sql`delete from credentials where id = ${lost.id}`
})

test('G12: npm run rotate-keys says what it did, and that the old keys may go', async () => {
  await oneOfEach()
  const { stdout } = await promisify(execFile)(process.execPath, ['src/main/rotateKeys.ts'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: api.database.url,
      SLUICE_ENCRYPTION_KEY: `${newKey},${oldKey}`,
    },
  })
  expect(stdout).toContain('credentials: 1 sealed anew, 0 open with none of the keys')
  expect(stdout).toContain(`Every secret is sealed under the key ${both.newestKeyId}`)
})
