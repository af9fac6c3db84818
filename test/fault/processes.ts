/** The process tree: Postgres, Temporal, API, two workers, a simulator for each account; each as in production. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../src/config.ts'
import { environment } from '../../src/config.ts'
import { migrate } from '../../src/db/migrate.ts'
import { isAppError } from '../../src/domain/error.ts'
import { startChild } from '../../src/main/embedded/child.ts'
import { findTemporal } from '../../src/main/embedded/findTemporal.ts'
import { isFree } from '../../src/main/embedded/ports.ts'
import { startPostgres } from '../../src/main/embedded/postgres.ts'
import { startTemporal } from '../../src/main/embedded/temporal.ts'
import { SEARCH_ATTRIBUTES } from '../../src/temporal/names.ts'
import type { TcpGate } from '../support/tcpGate.ts'
import { openGate } from '../support/tcpGate.ts'
import { accountNames } from './cast.ts'
import type { AccountName } from './cast.ts'
import { createKept } from './kept.ts'
import type { Kept } from './kept.ts'
import type { PartName } from './plan.ts'

/** A simulated account: its control without faults in the way, and the way that the workers take. */
export type Simulated = { controlUrl: string; gate: TcpGate; key: string }

export type Processes = {
  parts: Record<PartName, Kept>
  simulated: Record<AccountName, Simulated>
  databaseUrl: string
  apiUrl: string
  apiKey: string
  /** What must stand in no log. */
  secrets: string[]
  logDir: string
  /** All told to end: workers and API first. What did not end as it should. */
  stop(): Promise<void>
}

/** Starts all of them and returns when all serve. `dir` holds their data and logs. `fell`: one ended as it should not. */
export async function startProcesses(options: {
  dir: string
  seed: number
  /** Records of each account. */
  total: number
  fell(sentence: string): void
}): Promise<Processes> {
  const { dir, seed, total, fell } = options
  const logDir = join(dir, 'logs')
  mkdirSync(logDir, { recursive: true })
  const ports = { postgres: await freePort(), temporal: await freePort(), api: await freePort() }
  const simulators = await Promise.all(
    accountNames.map(
      async (name, at) => await simulator({ dir, seed: seed * 10 + at, total, name }),
    ),
  )
  const simulated = Object.fromEntries(simulators.map((one) => [one.name, one.simulated]))
  const postgres = createKept('postgres', fell, async () => {
    const { part, url } = await startPostgres({
      dir: join(dir, 'postgres'),
      port: ports.postgres,
      durable: false,
    })
    return { ...part, info: { url } }
  })
  const { binary } = await findTemporal({ env: environment(), say: () => undefined })
  const temporal = createKept('temporal', fell, async () => {
    const { part } = await startTemporal({
      binary,
      dir: join(dir, 'temporal'),
      port: ports.temporal,
      uiPort: null,
      searchAttributes: SEARCH_ATTRIBUTES,
    })
    return { ...part, info: {} }
  })
  const [{ url }] = await Promise.all([postgres.start(), temporal.start()])
  const databaseUrl = String(url)
  await migrate(databaseUrl)
  const apiKey = `fault-${randomBytes(12).toString('hex')}`
  const encryptionKey = randomBytes(32).toString('base64')
  const env: Environment = {
    PATH: process.env['PATH'],
    HOST: '127.0.0.1',
    PORT: String(ports.api),
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
    SLUICE_API_KEY: apiKey,
    SLUICE_ENCRYPTION_KEY: encryptionKey,
    SLUICE_UPSTREAM_HOSTS: '127.0.0.1',
    NODE_COMPILE_CACHE: join(dir, 'compile-cache'),
  }
  const own = (name: PartName, entry: string) =>
    createKept(
      name,
      fell,
      (start) => startOwn({ entry, env, logDir, name, start }),
      () => postgres.ends() + temporal.ends(),
    )
  const parts = {
    postgres,
    temporal,
    api: own('api', 'api'),
    'worker-1': own('worker-1', 'worker'),
    'worker-2': own('worker-2', 'worker'),
  }
  await Promise.all([parts.api.start(), parts['worker-1'].start(), parts['worker-2'].start()])
  return {
    parts,
    simulated: simulated as Record<AccountName, Simulated>,
    databaseUrl,
    apiUrl: `http://127.0.0.1:${ports.api}`,
    apiKey,
    secrets: [apiKey, encryptionKey, new URL(databaseUrl).password],
    logDir,
    async stop() {
      await Promise.all([parts['worker-1'], parts['worker-2'], parts.api].map((one) => one.end()))
      await temporal.end()
      await postgres.end()
      for (const one of simulators) await one.stop()
    },
  }
}

/** A process that cannot reach its database or Temporal at its start ends, and whoever keeps it starts it again. */
async function startOwn(options: {
  entry: string
  env: Environment
  logDir: string
  name: string
  start: number
}) {
  const { entry, env, logDir, name, start } = options
  for (let attempt = 1; ; attempt++) {
    try {
      return await startChild({
        entry: entryOf(entry),
        env,
        logFile: join(logDir, `${name}.${start}.${attempt}.log`),
        graceMs: 12_000,
      })
    } catch (error) {
      if (!isAppError(error, 'transient')) throw error
      await delay(300)
    }
  }
}

async function simulator(options: { dir: string; seed: number; total: number; name: AccountName }) {
  const { dir, seed, total, name } = options
  const port = await freePort()
  const child = await startChild({
    entry: entryOf('simulator'),
    args: [
      'stripe',
      '--port',
      String(port),
      '--total',
      String(total),
      '--seed',
      String(seed),
    ].concat('--limits'),
    env: { PATH: process.env['PATH'] },
    logFile: join(dir, `simulator-${name}.log`),
    graceMs: 2_000,
  })
  const gate = await openGate(port)
  const simulated = { controlUrl: `http://127.0.0.1:${port}`, gate, key: String(child.info['key']) }
  return {
    name,
    simulated,
    async stop() {
      await gate[Symbol.asyncDispose]()
      await child.stop()
    },
  }
}

/** Below the ports that outgoing connections get: it must be free again whenever its server comes back. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 16_000 + Math.floor(Math.random() * 16_000)
    if (await isFree(port)) return port
  }
}

function entryOf(name: string): string {
  return fileURLToPath(new URL(`../../src/main/${name}.ts`, import.meta.url))
}
