/** The whole road on real parts: simulator over HTTP, Postgres, Temporal, API, workers inside this process or beside it. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import { serveApi } from '../../src/api/server.ts'
import type { ApiServer } from '../../src/api/server.ts'
import type { Config, Environment } from '../../src/config.ts'
import { readConfig } from '../../src/config.ts'
import { connectorOf } from '../../src/connectors/registry.ts'
import { createApiDeps, createWorkerDeps } from '../../src/deps.ts'
import type { WorkerProcess } from '../../src/deps.ts'
import { createLog } from '../../src/log.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createStripeSimulator } from '../../src/simulators/stripe/simulator.ts'
import type {
  StripeSimulator,
  StripeSimulatorOptions,
} from '../../src/simulators/stripe/simulator.ts'
import { workflowId } from '../../src/temporal/names.ts'
import type { Answer } from './answer.ts'
import { createTestDatabase } from './database.ts'
import type { TestDatabase } from './database.ts'
import { differencesOf } from './differences.ts'
import { openTemporal } from './temporal.ts'
import type { TestTemporal } from './temporal.ts'

const collections = Object.keys(connectorOf('stripe').collections)

/** Of each kind that the connector reads in its own way, and all that most accounts are about. */
const usualCollections = [
  ...collections.slice(0, collections.indexOf('checkout_session') + 1),
  'customer_source',
  'customer_tax_id',
  'credit_note',
  'setup_intent',
  'setup_attempt',
  'checkout_session_line_item',
  'quote',
  'plan',
].map((name) => `stripe:${name}`)

export const allCollections = collections.map((name) => `stripe:${name}`)

/** How long anything may take on a busy machine. */
export const patiently = { timeout: 60_000, interval: 50 }

export type Road = AsyncDisposable & {
  simulator: StripeSimulator
  simulatorUrl: string
  database: TestDatabase
  temporal: TestTemporal
  ask(method: string, path: string, body?: unknown): Promise<Answer>
  /** Serves the API over HTTP too; where, and with which key. */
  serve(): Promise<{ apiUrl: string; apiKey: string }>
  /** An answer that is no JSON. */
  text(path: string): Promise<string>
  /** A worker inside this process. */
  work(): Promise<WorkerProcess>
  /** A worker in a process of its own, running. */
  spawnWorker(env?: Record<string, string>): Promise<ChildProcess>
  /** A credential for the simulator and a sync; the sync's id. */
  sync(fields?: object, secret?: string): Promise<string>
  handle(syncId: string): ReturnType<TestTemporal['client']['workflow']['getHandle']>
  /** Where stream and account differ, `customer cus_1: missing`; empty: they are equal. */
  differences(): Promise<string[]>
  /** Waits until they are equal and nothing is left to look at. */
  atRest(): Promise<void>
  lastIdx(): Promise<number>
  /** Requests that the simulator has answered since. */
  requestsSince(ms: number): number
}

export async function openRoad(
  /** `reachable`: the provider can send webhooks to the API. `hosts`: other upstreams that may be called. */
  options: StripeSimulatorOptions & { total?: number; reachable?: boolean; hosts?: string[] } = {},
): Promise<Road> {
  const { total = 0, reachable = false, hosts = [], ...simulatorOptions } = options
  const simulator = createStripeSimulator(simulatorOptions)
  if (total > 0) simulator.seedAccount(total)
  const server = await simulator.listen()
  const database = await createTestDatabase()
  const temporal = await openTemporal()
  const port = reachable ? await anyFree() : null
  const env: Environment = {
    ...(port === null ? {} : { SLUICE_PUBLIC_URL: `http://127.0.0.1:${port}` }),
    DATABASE_URL: database.url,
    SLUICE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SLUICE_UPSTREAM_HOSTS: [new URL(server.url).host, ...hosts].join(','),
    SLUICE_API_KEY: 'operator-key-of-the-tests',
    LOG_LEVEL: process.env['E2E_LOG'] ?? 'silent',
  }
  const parts = (config: Config) => ({
    config,
    log: createLog(config),
    metrics: createMetrics({ processMetrics: false }),
    temporal: temporal.address,
  })
  const api = await createApiDeps(parts(readConfig(env, 'api')))
  const app = createApp(api.deps)
  const servers: ApiServer[] = []
  if (port !== null) servers.push(await serveApi(app, { host: '127.0.0.1', port }))
  const workers: WorkerProcess[] = []
  const children: ChildProcess[] = []

  async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await app.request(path, {
      method,
      headers: {
        authorization: `Bearer ${env['SLUICE_API_KEY']}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) }
  }

  const road: Road = {
    simulator,
    simulatorUrl: server.url,
    database,
    temporal,
    ask,
    async serve() {
      const served = await serveApi(app, { host: '127.0.0.1', port: 0 })
      servers.push(served)
      return { apiUrl: served.url, apiKey: String(env['SLUICE_API_KEY']) }
    },
    text: async (path) => await (await app.request(path)).text(),
    async work() {
      const worker = await createWorkerDeps(parts(readConfig(env, 'worker')))
      workers.push(worker)
      worker.run().catch(() => undefined)
      return worker
    },
    async spawnWorker(more = {}) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('../../src/main/worker.ts', import.meta.url))],
        {
          env: {
            ...env,
            ...more,
            PATH: process.env['PATH'],
            LOG_LEVEL: 'info',
            TEMPORAL_ADDRESS: temporal.address.connection.address,
            TEMPORAL_NAMESPACE: temporal.address.namespace,
          },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      children.push(child)
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
      await expect.poll(() => said, patiently).toContain('worker.ready')
      return child
    },
    async sync(fields = {}, secret = simulator.keys.secret) {
      const { status, body } = await ask('POST', '/v1/syncs', {
        collection_ids: usualCollections,
        credential: { properties: { kind: 'stripe_key', secret, base_url: server.url } },
        ...fields,
      })
      if (status !== 201) throw new Error(`the sync was not made: ${JSON.stringify(body)}`)
      return body.id as string
    },
    handle: (syncId) => temporal.client.workflow.getHandle(workflowId(syncId)),
    differences: async () => await differencesOf(database.sql, simulator.snapshot(), null),
    async atRest() {
      await expect
        .poll(
          async () => ({
            differences: (await road.differences()).slice(0, 10),
            open: await openWork(database),
          }),
          {
            ...patiently,
            timeout: 120_000,
          },
        )
        .toEqual({ differences: [], open: 0 })
    },
    async lastIdx() {
      const [row] = await database.sql<
        { idx: string }[]
      >`select max(last_idx) as idx from stream_head`
      return Number(row!.idx)
    },
    requestsSince: (ms) => simulator.log.filter((entry) => entry.at > ms).length,
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      for (const worker of workers) await worker.shutdown()
      for (const served of servers) await served.close(0)
      await api.close()
      await temporal.close()
      await server.close()
      simulator.close()
      await database[Symbol.asyncDispose]()
    },
  }
  return road
}

/** Enumerations that are not over, and hints. */
export async function openWork({ sql }: TestDatabase): Promise<number> {
  const [row] = await sql<{ open: string }[]>`
    select (select count(*) from source where removed_at is null and blocked_at is null and (backfilled_at is null or enumerate_due_at is null))
         + (select count(*) from touched) as open`
  return Number(row!.open)
}
