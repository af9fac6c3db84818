/** The composition root: who is made of what. Everything that is opened here is closed here, in order. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pkg from '../package.json' with { type: 'json' }
import { createActivities } from '../activities/index.ts'
import { dropOrphans, trimStreams } from '../activities/housekeeping.ts'
import { createSlices } from '../activities/slices.ts'
import { failLost } from '../activities/lost.ts'
import type { ApiDeps } from './api/deps.ts'
import { decideDeletes, hint } from '../activities/hints.ts'
import type { Config } from './config.ts'
import { environment } from './config.ts'
import { connectorOf, connectors } from './connectors/registry.ts'
import { createAccess, discover } from './credentials/access.ts'
import { grant } from './credentials/grant.ts'
import { createIdentify } from './credentials/identity.ts'
import { createRegistrar } from './credentials/registrar.ts'
import { createMemory } from './credentials/memory.ts'
import { createTokens } from './credentials/refresh.ts'
import { createSealer } from './credentials/seal.ts'
import { assertMigrated } from './db/migrate.ts'
import { openPools } from './db/pools.ts'
import { createCounter } from './delivery/counts.ts'
import { createDispatcher } from './delivery/dispatcher.ts'
import { createNotifier } from './delivery/notifier.ts'
import { limits } from './domain/limits.ts'
import { registerGauges } from './health/gauges.ts'
import { healthOf } from './health/health.ts'
import { watchFrontiers, watchOnce } from './health/watch.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { ensureOperatorKey } from './store/apiKeys.ts'
import { ensureDefaultTenant } from './store/tenants.ts'
import {
  createSyncs,
  createTemporalClient,
  ensureSearchAttributes,
  temporalAddress,
} from './temporal/client.ts'
import type { TemporalAddress } from './temporal/client.ts'
import { failWith, pendingWith } from './temporal/pending.ts'
import { createWorkers, quietRuntime, workflowBundle } from './temporal/worker.ts'
import { rateLimitsOf } from './store/credentials.ts'
import { createHttp } from './upstream/http.ts'
import { createQuota } from './upstream/quota.ts'

export type DepsOptions = {
  config: Config
  log: Log
  metrics: Metrics
  /** Tests: a namespace of their own. */
  temporal?: TemporalAddress
  /** Worker: where Temporal's library serves its own metrics, on the loopback. */
  sdkMetricsPort?: number | null
}

/** Connections of the write pool of a worker: four slices a sync with four readers each, and some syncs at once. */
const workerWriteConnections = 16
/** Each sync holds one slot for its changes, and up to four while it is backfilled. */
const sliceSlots = 2_000

export type WorkerProcess = {
  /** Resolves once it was shut down; rejects when a worker breaks. */
  run(): Promise<void>
  /** Tells the slices to return, takes no more work, closes everything. */
  shutdown(): Promise<void>
  ready(): boolean
}

export async function createWorkerDeps({
  config,
  log,
  metrics,
  temporal = addressOf(config),
  sdkMetricsPort = null,
}: DepsOptions): Promise<WorkerProcess> {
  const pools = openPools(config.databaseUrl.reveal(), {
    applicationName: 'sluice-worker',
    write: workerWriteConnections,
  })
  await assertMigrated(pools.write)
  const client = createTemporalClient(temporal, identityOf('worker'))
  await ensureSearchAttributes(client).catch((error: unknown) => {
    log.warn({
      event: 'temporal.search_attributes',
      hint: 'Register them by hand: see docs/operations.md.',
      error,
    })
  })
  const syncs = createSyncs(client, { newId: randomUUID })
  const workerId = randomUUID()
  const quota = createQuota(pools.write, { listen: pools.listen, holder: workerId })
  const http = createHttp({ upstreamHosts: config.upstreamHosts })
  const sealer = createSealer(config.encryptionKeys.map((key) => key.reveal()))
  const tokens = createTokens({ sql: pools.write, sealer, http, connectorOf })
  const slices = createSlices({ pools, fail: failWith(client), log, workerId })
  quietRuntime(
    'WARN',
    ({ level, message }) => log.warn({ event: 'temporal.sdk', level, message }),
    sdkMetricsPort,
  )
  const workers = await createWorkers({
    temporal,
    activities: createActivities({
      pools,
      quota,
      http,
      sealer,
      tokens,
      memory: createMemory(),
      connectorOf,
      slices,
      log,
      metrics,
      now: Date.now,
      random: Math.random,
    }),
    bundle: await workflowBundle(bundleDir),
    identity: identityOf('worker'),
    sliceSlots,
  })
  await slices.start()
  const routines = [
    every('watch', limits.watchEveryMs, log, async () => await watchOnce(pools.write, syncs)),
    every('lost', limits.watchEveryMs, log, async () => {
      const pendingOf = pendingWith(client)
      return await failLost({ sql: pools.write, pendingOf, fail: failWith(client), log })
    }),
    every(
      'frontier',
      limits.frontierEveryMs,
      log,
      async () => await watchFrontiers(pools.write, syncs),
    ),
    every(
      'trim',
      limits.trimEveryMs,
      log,
      async () => await trimStreams({ sql: pools.write, log, over: () => stopping }),
    ),
    every(
      'orphans',
      limits.trimEveryMs,
      log,
      async () => await dropOrphans(pools.write, () => stopping),
    ),
  ]
  let stopping = false
  let ended: Promise<void> | undefined
  return {
    run: () => (ended ??= workers.run()),
    ready: () => workers.running(),
    async shutdown() {
      workers.shutdown()
      slices.abortAll('The worker is shutting down.')
      await ended?.catch(() => undefined)
      stopping = true
      // What waits for a connection that died under it may wait for ever; a process that ends owes it nothing.
      const closing = [...routines, slices.stop, tokens.close, quota.close].map((end) => end())
      await Promise.race([Promise.allSettled(closing), delay(2_000)])
      await workers.close()
      await http.close()
      await pools.end()
      // last: a call that the client still means to repeat throws in a timer once it is closed
      await client.connection.close()
    },
  }
}

/** Prepared workflow code of this version, made at the first start. */
const bundleDir = fileURLToPath(new URL('../node_modules/.cache/sluice', import.meta.url))

/** Again and again, never twice at once; workers that start together do not stay together. Returns the way out. */
function every(
  what: string,
  ms: number,
  log: Log,
  round: () => Promise<number>,
): () => Promise<void> {
  let busy: Promise<void> | null = null
  const timer = setInterval(
    () => {
      busy ??= round()
        .then(
          (count) => {
            if (count > 0) log.info({ event: `${what}.done`, count })
          },
          (error: unknown) => log.warn({ event: `${what}.failed`, error }),
        )
        .finally(() => {
          busy = null
        })
    },
    ms * (0.9 + 0.2 * Math.random()),
  ).unref()
  return async () => {
    clearInterval(timer)
    await busy
  }
}

export async function createApiDeps({
  config,
  log,
  metrics,
  temporal = addressOf(config),
}: DepsOptions): Promise<{ deps: ApiDeps; close(): Promise<void> }> {
  const pools = openPools(config.databaseUrl.reveal(), { applicationName: 'sluice-api' })
  await assertMigrated(pools.write)
  const tenantId = await ensureDefaultTenant(pools.db)
  if (config.apiKey !== null) await ensureOperatorKey(pools.db, tenantId, config.apiKey.reveal())
  const client = createTemporalClient(temporal, identityOf('api'))
  const syncs = createSyncs(client, { newId: randomUUID })
  const quota = createQuota(pools.write, { listen: pools.listen })
  const http = createHttp({ upstreamHosts: config.upstreamHosts })
  const notifier = createNotifier(pools.listen)
  const dispatcher = createDispatcher({
    sql: pools.deliver,
    notifier,
    count: (outcome, n) => metrics.deliveries.inc({ outcome }, n),
  })
  const sealer = createSealer(config.encryptionKeys.map((key) => key.reveal()))
  const tokens = createTokens({ sql: pools.write, sealer, http, connectorOf })
  const reading = { quota, http, sealer, tokens, now: Date.now }
  const access = createAccess(reading)
  registerGauges(metrics.registry, pools.write, Date.now)
  const deps: ApiDeps = {
    db: pools.db,
    write: pools.write,
    deliver: pools.deliver,
    dispatcher,
    counter: createCounter(pools.deliver, Date.now),
    sealer,
    connectors: Object.fromEntries(connectors.map((one) => [one.provider, one])),
    identify: createIdentify({ quota, http, tokens }),
    grant: async (asked) => await grant(http, asked),
    registrar: createRegistrar({ quota, http, tokens }),
    access: async (asked) =>
      await access({ ...asked, rateLimits: await rateLimitsOf(pools.db, asked.credential.id) }),
    discover: async (asked) =>
      await discover(reading, {
        ...asked,
        rateLimits: await rateLimitsOf(pools.db, asked.credential.id),
      }),
    checkBaseUrl: async (connector, kind, url) => await http.checkBaseUrl(connector, kind, url),
    syncs,
    healthOf: async (tenant, syncIds) => await healthOf(pools.deliver, tenant, syncIds),
    async hint(credentialId, hints) {
      const { count, waiting } = await hint(pools.write, credentialId, hints)
      // The provider waits for its answer, and for nobody else's.
      for (const syncId of waiting)
        syncs.nudge(syncId).catch((error: unknown) => {
          log.warn({ event: 'webhook.nudge.failed', syncId, error })
        })
      return count
    },
    decideDeletes: async (decision) => await decideDeletes(pools.write, decision),
    ready: async () => ({
      database: await problem(() => pools.write`select 1`),
      temporal: await problem(() => syncs.ping()),
    }),
    metrics: async () => ({
      contentType: metrics.registry.contentType,
      text: await metrics.registry.metrics(),
    }),
    log,
    onRequest: ({ method, route, status, ms }) =>
      metrics.httpRequests.observe({ method, route, status: String(status) }, ms / 1_000),
    publicUrl: config.publicUrl,
    version: pkg.version,
    now: Date.now,
  }
  return {
    deps,
    async close() {
      await dispatcher.close()
      await notifier.close()
      await tokens.close()
      await quota.close()
      await http.close()
      await pools.end()
      // last, as in a worker
      await client.connection.close()
    },
  }
}

/** As operators see it in the Temporal UI. */
function identityOf(role: string): string {
  return `sluice-${role} ${process.pid}@${hostname()}`
}

function addressOf(config: Config): TemporalAddress {
  return temporalAddress(environment(), { address: config.temporalAddress })
}

async function problem(work: () => PromiseLike<unknown>): Promise<string | null> {
  try {
    await work()
    return null
  } catch {
    return 'does not answer'
  }
}
