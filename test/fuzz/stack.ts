import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { finished, gone, spawnNode, untilOk } from '../../bench/support/stack.ts'
import { findTemporal } from '../../src/main/embedded/findTemporal.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { startPostgres } from '../../src/main/embedded/postgres.ts'
import { startTemporal } from '../../src/main/embedded/temporal.ts'
import { SEARCH_ATTRIBUTES } from '../../src/temporal/names.ts'
import { openTemporalAt } from '../support/temporalServer.ts'

/** What runs, each part a process of its own as in production. */
export type Stack = {
  url: string
  operatorKey: string
  /** A simulated account: what a credential for it needs. */
  upstream: { secret: string; base_url: string }
  stop(): Promise<void>
}

type Part<Made> = Made & { stop(): Promise<void> }

/** Postgres, Temporal, a simulated account, API and worker. `DATABASE_URL` and `TEMPORAL_ADDRESS` are used where they are given. */
export async function startStack(env: Record<string, string | undefined>): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'))
  const database = await startDatabase(env['DATABASE_URL'], dir)
  const temporal = await startWorkflows(env, dir)
  const [apiPort, simulatorPort] = [await anyFree(), await anyFree()]
  const operatorKey = randomBytes(24).toString('base64url')
  const baseUrl = `http://127.0.0.1:${simulatorPort}`
  const own = {
    PATH: env['PATH'] ?? '',
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    PORT: String(apiPort),
    SLUICE_API_KEY: operatorKey,
    SLUICE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SLUICE_UPSTREAM_HOSTS: `127.0.0.1:${simulatorPort}`,
    SLUICE_PUBLIC_URL: 'https://sluice.example',
    LOG_LEVEL: 'error',
  }
  await finished(spawnNode(['src/main/migrate.ts'], own))
  const simulated = ['src/main/simulator.ts', 'stripe', '--port', String(simulatorPort)]
  const children = [
    spawnNode([...simulated, '--total', '200'], own),
    spawnNode(['src/main/worker.ts'], own),
    spawnNode(['src/main/api.ts'], own),
  ]
  const url = `http://127.0.0.1:${apiPort}`
  await Promise.all([untilOk(`${url}/readyz`), untilOk(`${baseUrl}/_sim/keys`)])
  const { secret } = (await (await fetch(`${baseUrl}/_sim/keys`)).json()) as { secret: string }
  for (const child of children) child.stdout?.on('data', (chunk) => process.stderr.write(chunk))
  return {
    url,
    operatorKey,
    upstream: { secret, base_url: baseUrl },
    async stop() {
      for (const child of children) child.kill('SIGTERM')
      await Promise.all(children.map(gone))
      await temporal.stop()
      await database.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function startDatabase(
  given: string | undefined,
  dir: string,
): Promise<Part<{ url: string }>> {
  if (given === undefined || given === '') {
    const { url, stop } = await embedded(join(dir, 'postgres'))
    return { url, stop }
  }
  const name = `sluice_fuzz_${randomBytes(4).toString('hex')}`
  const admin = async (statement: string) => {
    const sql = postgres(given, { max: 1, onnotice: () => {} })
    await sql.unsafe(statement)
    await sql.end({ timeout: 5 })
  }
  await admin(`create database ${name}`)
  const url = new URL(given)
  url.pathname = `/${name}`
  return { url: url.toString(), stop: () => admin(`drop database if exists ${name} with (force)`) }
}

async function embedded(dir: string) {
  const started = await startPostgres({ dir, port: await anyFree(), durable: false })
  return { url: started.url, stop: () => started.stop() }
}

async function startWorkflows(
  env: Record<string, string | undefined>,
  dir: string,
): Promise<Part<{ address: string; namespace: string }>> {
  const given = env['TEMPORAL_ADDRESS']
  if (given !== undefined && given !== '') {
    const opened = await openTemporalAt(given)
    return { address: given, namespace: opened.address.namespace, stop: () => opened.close() }
  }
  const { binary } = await findTemporal({ env, say: (line) => console.error(line) })
  const server = await startTemporal({
    binary,
    dir: join(dir, 'temporal'),
    port: await anyFree(),
    uiPort: null,
    searchAttributes: SEARCH_ATTRIBUTES,
  })
  return {
    address: server.address,
    namespace: 'default',
    stop: () => server.stop(),
  }
}
