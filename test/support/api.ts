import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { createApp } from '../../src/api/app.ts'
import type { App } from '../../src/api/app.ts'
import type { ApiDeps } from '../../src/api/deps.ts'
import type { Collection, Connector } from '../../src/connectors/connector.ts'
import { createSealer } from '../../src/credentials/seal.ts'
import { createCounter } from '../../src/delivery/counts.ts'
import { createDispatcher } from '../../src/delivery/dispatcher.ts'
import { createNotifier } from '../../src/delivery/notifier.ts'
import { AppError } from '../../src/domain/error.ts'
import { healthOf } from '../../src/health/health.ts'
import { ensureOperatorKey } from '../../src/store/apiKeys.ts'
import { createTenant, ensureDefaultTenant } from '../../src/store/tenants.ts'
import type { Syncs } from '../../src/temporal/client.ts'
import type { Answer, Body } from './answer.ts'
import { expectContract } from './contract.ts'
import { createTestDatabase } from './database.ts'
import type { TestDatabase } from './database.ts'

export const operatorKey = 'operator-key-of-the-tests'

export type Asked = Answer & { headers: Headers; text: string }
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Asked>

export type TestApi = AsyncDisposable & {
  database: TestDatabase
  app: App
  deps: ApiDeps
  /** With the operator key; `as` makes one with another key, or none. */
  ask: Ask
  as(key: string | null): Ask
  /** Commands that the workflows got, and whether they answer. */
  temporal: {
    calls: { name: string; syncId: string; input?: unknown }[]
    away: boolean
    slow: boolean
    startsFail: boolean
  }
  /** Another tenant, with an admin key of its own. */
  tenant(name: string): Promise<{ tenantId: string; ask: Ask; key: string }>
  /** A credential and a sync of the provider `crm`. */
  sync(ask?: Ask, fields?: object): Promise<Body>
}

/**
 * The whole API on a database of its own, with workflows and a provider that are told what to say. Each answer is held
 * against the OpenAPI document.
 */
export async function openApi(
  overrides: Partial<ApiDeps> = {},
  options: { requestsPerSecond?: number; timeoutMs?: number } = {},
): Promise<TestApi> {
  const database = await createTestDatabase()
  const tenantId = await ensureDefaultTenant(database.pools.db)
  await ensureOperatorKey(database.pools.db, tenantId, operatorKey)
  const temporal: TestApi['temporal'] = { calls: [], away: false, slow: false, startsFail: false }
  const notifier = createNotifier(database.pools.listen)
  const dispatcher = createDispatcher({ sql: database.pools.deliver, notifier })
  const deps: ApiDeps = {
    ...fakes(),
    db: database.pools.db,
    write: database.pools.write,
    deliver: database.pools.deliver,
    dispatcher,
    counter: createCounter(database.pools.deliver, Date.now),
    sealer: createSealer([randomBytes(32).toString('base64')]),
    syncs: fakeSyncs(database, temporal),
    healthOf: (tenant, syncIds) => healthOf(database.pools.deliver, tenant, syncIds),
    ...overrides,
  }
  const app = createApp(deps, options)
  const as = (key: string | null) => asker(app, key)
  const ask = as(operatorKey)
  return {
    database,
    app,
    deps,
    ask,
    as,
    temporal,
    async tenant(name) {
      const id = crypto.randomUUID()
      await createTenant(database.pools.db, { id, name })
      const { body } = await ask('POST', '/v1/api-keys', { name: 'first', tenant_id: id })
      return { tenantId: id, key: body.key, ask: as(body.key) }
    },
    async sync(by = ask, fields = {}) {
      const { body, status } = await by('POST', '/v1/syncs', {
        collection_ids: ['crm:customer', 'crm:invoice'],
        credential: { kind: 'crm_key', secret: `${crypto.randomUUID()}.1` },
        ...fields,
      })
      if (status !== 201) throw new Error(`the sync was not made: ${JSON.stringify(body)}`)
      return body
    },
    async [Symbol.asyncDispose]() {
      await dispatcher.close()
      await notifier.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

function asker(app: App, key: string | null): Ask {
  return async (method, path, body, headers = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const answer = { status: response.status, headers: response.headers, text }
    expectContract(method, path, answer)
    return { ...answer, body: isJson ? JSON.parse(text) : null }
  }
}

const collection: Collection = {
  title: 'Customers',
  ranges: false,
  list: () => Promise.reject(new Error('not in these tests')),
  refresh: { feed: 'events' },
  enumerateEveryMs: 86_400_000,
  deletes: ['event', 'sweep'],
  fields: [
    { accessor: 'id', name: 'Id', type: 'text', primaryKey: true },
    { accessor: 'name', name: 'Name', type: 'text' },
  ],
}

export const webhookSecret = 'signing-secret'

/** A made-up provider: who a secret is, stands in front of its dot. */
export const crm: Connector = {
  provider: 'crm',
  title: 'CRM',
  credentialKinds: [
    {
      kind: 'crm_key',
      title: 'Key',
      properties: z.strictObject({
        secret: z.string().min(3),
        region: z.enum(['eu', 'us']).optional(),
      }),
      secrets: ['secret'],
      baseUrl: () => 'https://api.crm.example',
      auth: () => ({}),
      fallbackAccount: () => 'unknown',
      livemode: () => true,
    },
    {
      kind: 'crm_oauth2',
      title: 'OAuth',
      properties: z.strictObject({ refresh_token: z.string().min(3) }),
      secrets: ['refresh_token'],
      baseUrl: () => 'https://api.crm.example',
      auth: () => ({}),
      fallbackAccount: () => 'unknown',
      livemode: () => true,
    },
  ],
  limits: [{ bucket: null, allowed: 10, intervalMs: 1000, maxConcurrent: null }],
  collections: {
    customer: collection,
    invoice: {
      ...collection,
      title: 'Invoices',
      refresh: { relist: { everyMs: 60_000, windowMs: null } },
    },
  },
  feeds: {},
  identify: () => Promise.reject(new Error('not in these tests')),
  webhooks: {
    verify({ headers, body, secret }) {
      const expected = createHmac('sha256', secret).update(body).digest('hex')
      const given = headers['x-signature'] ?? ''
      if (
        given.length !== expected.length ||
        !timingSafeEqual(Buffer.from(given), Buffer.from(expected))
      )
        return null
      return (JSON.parse(Buffer.from(body).toString()) as string[]).map((id) => ({
        collection: 'customer',
        id,
        raw: null,
      }))
    },
  },
}

function fakes(): Omit<
  ApiDeps,
  'db' | 'write' | 'deliver' | 'dispatcher' | 'counter' | 'sealer' | 'syncs' | 'healthOf'
> {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  return {
    connectors: { crm },
    discover: () => Promise.resolve([]),
    grant: () => Promise.reject(new Error('not in these tests')),
    async identify({ properties }) {
      const secret = String(properties['secret'] ?? properties['refresh_token'])
      if (secret.startsWith('refused'))
        throw new AppError('auth', 'The provider refuses this key: it was revoked.')
      if (secret.startsWith('narrow'))
        throw new AppError('permanent', 'The key lacks the scope `read`.')
      if (secret.startsWith('down'))
        throw new AppError('transient', 'The provider does not answer.', { retryAfterMs: 3000 })
      return { account: secret.split('.')[0] ?? secret, name: 'Acme', livemode: true }
    },
    registrar: {
      register: () => Promise.resolve(null),
      unregister: () => Promise.resolve(),
    },
    access: async ({ names }) =>
      new Map(names.map((name) => [name, { status: 'readable' as const, reason: null }])),
    async checkBaseUrl(_connector, _kind, url) {
      if (/crm\.example$|127\.0\.0\.1/.test(new URL(url).hostname)) return url
      throw new AppError('invalid', 'This host is not allowed.', {
        fields: { base_url: ['names a host that the operator does not allow'] },
      })
    },
    hint: (_credentialId, hints) => Promise.resolve(hints.length),
    decideDeletes: () => Promise.resolve(0),
    ready: () => Promise.resolve({ database: null, temporal: null }),
    metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'up 1\n' }),
    log,
    publicUrl: 'https://sluice.example',
    version: '0.0.0',
    now: Date.now,
  }
}

function fakeSyncs(database: TestDatabase, temporal: TestApi['temporal']): Syncs {
  const { sql } = database
  const reach = () => {
    if (temporal.away)
      throw new AppError('transient', 'Temporal does not answer.', { retryAfterMs: 2000 })
  }
  const told = async (name: string, syncId: string, input?: unknown) => {
    reach()
    temporal.calls.push({ name, syncId, ...(input === undefined ? {} : { input }) })
    return { accepted: temporal.slow ? ('signalled' as const) : ('done' as const) }
  }
  const intent = async (name: string, syncId: string, status: string) => {
    const outcome = await told(name, syncId)
    if (outcome.accepted === 'done')
      await sql`update syncs set status = ${status} where id = ${syncId}`
    return outcome
  }
  return {
    async start({ syncId }) {
      if (temporal.startsFail) throw new AppError('transient', 'Temporal does not answer.')
      await told('start', syncId)
    },
    pause: (syncId) => intent('pause', syncId, 'paused'),
    resume: (syncId) => intent('resume', syncId, 'active'),
    resync: (syncId, collectionIds) => told('resync', syncId, collectionIds),
    nudge: (syncId) => told('nudge', syncId),
    async remove(syncId, input) {
      const outcome = await told('remove', syncId, input)
      await sql`update syncs set status = 'deleted', deleted_at = now() where id = ${syncId}`
      return outcome
    },
    async wake({ syncId }) {
      await told('wake', syncId)
    },
    async ping() {
      reach()
    },
  }
}
