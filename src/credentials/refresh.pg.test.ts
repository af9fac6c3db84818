import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { upstreamServer } from '../../test/support/upstreamServer.ts'
import type { Connector, CredentialKind } from '../connectors/connector.ts'
import { openPools } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import { ensureDefaultTenant } from '../store/tenants.ts'
import type { Http } from '../upstream/http.ts'
import { createHttp } from '../upstream/http.ts'
import { places } from './places.ts'
import { createTokens } from './refresh.ts'
import type { Tokens } from './refresh.ts'
import { createSealer } from './seal.ts'

const sealer = createSealer([randomBytes(32).toString('base64')])
const http = createHttp({ upstreamHosts: ['127.0.0.1'] })
let database: TestDatabase
let tenantId: string

beforeAll(async () => {
  database = await createTestDatabase()
  tenantId = await ensureDefaultTenant(database.pools.db)
})
afterAll(async () => {
  await http.close()
  await database[Symbol.asyncDispose]()
})

/** A provider that rotates: a refresh token is good once, and within its grace answers what it answered before. */
async function provider(options: { rotates?: boolean; grace?: boolean; expiresIn?: number } = {}) {
  const { rotates = true, grace = false, expiresIn = 1800 } = options
  const state = {
    good: 'r0',
    used: new Map<string, object>(),
    /** Refresh tokens, as they came. */
    asked: [] as string[],
    loseAnswers: 0,
    status: 200,
  }
  const server = await upstreamServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const sent = new URLSearchParams(body).get('refresh_token')!
      state.asked.push(sent)
      const refused =
        state.status !== 200 || (sent !== state.good && !(grace && state.used.has(sent)))
      const answer = refused ? { error: 'invalid_grant' } : (state.used.get(sent) ?? next())
      if (state.loseAnswers-- > 0) request.socket.destroy()
      else
        response
          .writeHead(refused ? (state.status === 200 ? 400 : state.status) : 200)
          .end(JSON.stringify(answer))
    })
  })
  function next(): object {
    const old = state.good
    const count = state.used.size + 1
    if (rotates) state.good = `r${count}`
    const answer = {
      access_token: `a${count}`,
      expires_in: expiresIn,
      ...(rotates ? { refresh_token: state.good } : {}),
    }
    if (rotates) state.used.set(old, answer)
    return answer
  }
  return Object.assign(server, { state })
}

const kind: CredentialKind = {
  kind: 'acme_oauth2',
  title: 'OAuth',
  properties: undefined as never,
  secrets: ['refresh_token'],
  baseUrl: () => 'https://api.acme.test',
  auth: (given) => ({ authorization: `Bearer ${String(given['access_token'])}` }),
  fallbackAccount: () => 'x',
  oauth: {
    needsApp: true,
    refresh: (given, app) => ({
      path: '/token',
      body: new URLSearchParams({
        refresh_token: String(given['refresh_token']),
        client_id: app!.clientId,
        client_secret: app!.clientSecret,
      }).toString(),
    }),
    parse({ status, body }) {
      const answer = JSON.parse(body) as Record<string, never>
      if (status === 400) return { refused: 'Acme refuses the refresh token. Connect it anew.' }
      if (status !== 200) return null
      return {
        accessToken: answer['access_token']!,
        refreshToken: answer['refresh_token'] ?? null,
        expiresInMs: answer['expires_in']! * 1000,
      }
    },
  },
}
const connector = {
  provider: 'acme',
  title: 'Acme',
  credentialKinds: [kind],
} as unknown as Connector

async function credential(baseUrl: string, refreshToken = 'r0'): Promise<string> {
  const [id, appId] = [randomUUID(), randomUUID()]
  const app = sealer.seal({ client_secret: 'cs' }, places.oauthApp(appId))
  const own = sealer.seal({ refresh_token: refreshToken }, places.credential(id))
  const { sql } = database
  await sql`
    insert into oauth_apps (id, tenant_id, provider, name, client_id, ciphertext, key_id)
    values (${appId}, ${tenantId}, 'acme', 'a', 'ci', ${app.ciphertext}, ${app.keyId})`
  await sql`
    insert into credentials (id, tenant_id, provider, kind, upstream_account, livemode, properties, ciphertext, key_id,
                             base_url, oauth_app_id)
    values (${id}, ${tenantId}, 'acme', 'acme_oauth2', ${id}, true, '{}', ${own.ciphertext}, ${own.keyId}, ${baseUrl}, ${appId})`
  return id
}

/** As another process would have it. */
function inProcess(
  options: Parameters<typeof createTokens>[1] = {},
  own: Partial<Deps> = {},
): Tokens {
  const deps = { sql: database.sql, sealer, http, connectorOf: () => connector, ...own }
  return createTokens(deps, { waitMs: 10, storeAgainMs: 10, ...options })
}
type Deps = Parameters<typeof createTokens>[0]

test('a hundred requests in five processes refresh once, and all get that token', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  const all = Array.from({ length: 5 }, () => inProcess()).flatMap((tokens) =>
    Array.from({ length: 20 }, () => tokens.current({ credentialId })),
  )
  expect(new Set(await Promise.all(all))).toEqual(new Set(['a1']))
  expect(acme.state.asked).toEqual(['r0'])
})

test('a refused token is refreshed once by all who were refused, and never asked for again', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  const processes = Array.from({ length: 4 }, () => inProcess())
  for (const tokens of processes) await tokens.current({ credentialId })
  const anew = processes.flatMap((tokens) =>
    Array.from({ length: 10 }, () => tokens.current({ credentialId, refused: 'a1' })),
  )
  expect(new Set(await Promise.all(anew))).toEqual(new Set(['a2']))
  expect(acme.state.asked).toEqual(['r0', 'r1'])
})

test('a token is refreshed before it expires, and meanwhile the old one is used', async () => {
  await using acme = await provider({ rotates: false, expiresIn: 1 })
  const credentialId = await credential(acme.url)
  const tokens = inProcess({ marginShare: 0.5 })
  expect(await tokens.current({ credentialId })).toBe('a1')
  acme.state.status = 503
  const { sql } = database
  await sql`update oauth_tokens set expires_at = clock_timestamp() + interval '300 ms' where credential_id = ${credentialId}`
  const other = inProcess({ marginShare: 0.5 })
  expect(await other.current({ credentialId })).toBe('a1')
  expect(acme.state.asked).toHaveLength(2)
  await sql`update oauth_tokens set expires_at = clock_timestamp() where credential_id = ${credentialId}`
  await expect(inProcess().current({ credentialId })).rejects.toMatchObject({ kind: 'transient' })
})

test('the connection drops after the provider answered: the same refresh token once more, within its grace', async () => {
  await using acme = await provider({ grace: true })
  const credentialId = await credential(acme.url)
  acme.state.loseAnswers = 1
  const tokens = inProcess()
  await expect(tokens.current({ credentialId })).rejects.toMatchObject({ kind: 'transient' })
  expect(await tokens.current({ credentialId })).toBe('a1')
  expect(acme.state.asked).toEqual(['r0', 'r0'])
  expect(await tokens.current({ credentialId, refused: 'a1' })).toBe('a2')
  expect(acme.state.asked).toEqual(['r0', 'r0', 'r1'])
})

test('the same without grace is auth, with a sentence that tells of the lost answer, and is not tried again at once', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  acme.state.loseAnswers = 1
  const tokens = inProcess()
  await expect(tokens.current({ credentialId })).rejects.toMatchObject({ kind: 'transient' })
  for (const one of [tokens, inProcess()]) {
    await expect(one.current({ credentialId })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/Connect it anew\. An earlier refresh was begun/),
    })
  }
  expect(acme.state.asked).toEqual(['r0', 'r0'])
})

test('a process that dies between answer and commit is followed by another after its lease', async () => {
  await using acme = await provider({ grace: true })
  const credentialId = await credential(acme.url)
  let answered = () => {}
  const isAnswered = new Promise<void>((resolve) => (answered = resolve))
  const dying: Http = {
    ...http,
    async send(request) {
      await http.send(request)
      answered()
      return await new Promise(() => undefined)
    },
  }
  inProcess({ leaseMs: 300 }, { http: dying })
    .current({ credentialId })
    .catch(() => undefined)
  await isAnswered
  expect(await inProcess().current({ credentialId })).toBe('a1')
  expect(acme.state.asked).toEqual(['r0', 'r0'])
  const [row] = await database.sql`
    select attempted_at, uncertain_at, lease from oauth_tokens where credential_id = ${credentialId}`
  expect(row).toEqual({ attempted_at: null, uncertain_at: null, lease: null })
})

test('the database goes away between answer and commit: the token is stored as soon as it is back, and not asked for again', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  const pools = openPools(database.url, { applicationName: 'cut' })
  const cutting: Http = {
    ...http,
    async send(request) {
      const answer = await http.send(request)
      await database.sql`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut' and datname = current_database()`
      return answer
    },
  }
  expect(await inProcess({}, { http: cutting, sql: pools.write }).current({ credentialId })).toBe(
    'a1',
  )
  expect(acme.state.asked).toEqual(['r0'])
  await pools.end()
})

test('a token that the database would not take is kept and stored by the next who asks', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  let broken = true
  const failing = new Proxy(database.sql, {
    apply(sql, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) {
      if (broken && strings.join('').includes('version = version + 1'))
        return Promise.reject(new AppError('transient', 'The database is away.'))
      return Reflect.apply(sql, self, [strings, ...values]) as unknown
    },
  })
  const tokens = inProcess({ storeTries: 2 }, { sql: failing })
  await expect(tokens.current({ credentialId })).rejects.toMatchObject({ kind: 'transient' })
  broken = false
  expect(await tokens.current({ credentialId })).toBe('a1')
  expect(await inProcess().current({ credentialId })).toBe('a1')
  expect(acme.state.asked).toEqual(['r0'])
})

test('a new refresh token by PATCH is used at once, and the old tokens are forgotten', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url, 'dead')
  const tokens = inProcess()
  await expect(tokens.current({ credentialId })).rejects.toMatchObject({ kind: 'auth' })
  const own = sealer.seal({ refresh_token: 'r0' }, places.credential(credentialId))
  await database.sql`
    update credentials set ciphertext = ${own.ciphertext}, key_id = ${own.keyId} where id = ${credentialId}`
  expect(await tokens.current({ credentialId })).toBe('a1')
  expect(acme.state.asked).toEqual(['dead', 'r0'])
})

test('who waits goes when it is stopped, the refresh goes on; a paused sync that began one stops no other', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  const tokens = inProcess()
  const stop = new AbortController()
  const first = tokens.current({ credentialId, signal: stop.signal })
  stop.abort()
  await expect(first).rejects.toMatchObject({ kind: 'stopped' })
  expect(await tokens.current({ credentialId })).toBe('a1')
  const paused = () => Promise.reject(new AppError('stopped', 'The sync is paused.'))
  const two = [
    tokens.current({ credentialId, refused: 'a1', permit: paused }),
    tokens.current({ credentialId, refused: 'a1' }),
  ]
  expect(await Promise.allSettled(two)).toMatchObject([
    { reason: { kind: 'stopped' } },
    { value: 'a2' },
  ])
  expect(acme.state.asked).toEqual(['r0', 'r1'])
})

test('G12: what is stored is sealed, and shows no token', async () => {
  await using acme = await provider()
  const credentialId = await credential(acme.url)
  await inProcess().current({ credentialId })
  const [row] = await database.sql<{ text: string; ciphertext: Buffer }[]>`
    select to_jsonb(t)::text as text, ciphertext from oauth_tokens t where credential_id = ${credentialId}`
  expect(row!.text).not.toMatch(/"[ar]1"/)
  expect(row!.ciphertext.toString('latin1')).not.toContain('accessToken')
})
