import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { apiFlags, otherFlags } from '../../src/main/embedded/child.ts'
import { findTemporal } from '../../src/main/embedded/findTemporal.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { startPostgres } from '../../src/main/embedded/postgres.ts'
import { startTemporal } from '../../src/main/embedded/temporal.ts'
import { SEARCH_ATTRIBUTES } from '../../src/temporal/names.ts'

export type Stack = {
  databaseUrl: string
  simulatorUrl: string
  simulatorKey: string
  workerPid: number
  apiUrl: string
  apiKey: string
  pids: { postgres: number; temporal: number; api: number }
  temporal: { address: string; metricsUrl: string }
  /** Another worker, ready. */
  addWorker(): Promise<ChildProcess>
  /** Calls our API; throws on anything but 2xx. The shape of the answer is the caller's knowledge. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as the comment above says
  api(method: string, path: string, body?: unknown): Promise<any>
  stop(): Promise<void>
}

/** The real thing: Postgres, Temporal, simulator, API and worker, each a process of its own as in production. */
export async function startStack(
  /** `allowed`, `accounts`: the argument of the upstream's script. */
  options: ({ customers: number } | { upstream: string; allowed?: number; accounts?: number }) & {
    worker?: false
  },
): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const postgres = await startPostgres({ dir: join(dir, 'postgres'), port: await anyFree() })
  const metricsPort = await anyFree()
  const { binary } = await findTemporal({ env: process.env, say: (line) => console.error(line) })
  const temporal = await startTemporal({
    binary,
    dir: join(dir, 'temporal'),
    port: await anyFree(),
    uiPort: null,
    searchAttributes: SEARCH_ATTRIBUTES,
    metricsPort,
  })
  const [apiPort, simulatorPort] = [await anyFree(), await anyFree()]
  const apiKey = randomBytes(24).toString('base64url')
  const env = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporal.address,
    PORT: String(apiPort),
    SLUICE_API_KEY: apiKey,
    SLUICE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SLUICE_UPSTREAM_HOSTS: '127.0.0.1',
    SLUICE_PUBLIC_URL: `http://127.0.0.1:${apiPort}`,
    LOG_LEVEL: 'warn',
    MALLOC_ARENA_MAX: '2',
  }
  await finished(spawnNode(['src/main/migrate.ts'], env))
  const simulator = spawnNode(
    'upstream' in options
      ? [options.upstream, String(simulatorPort), String(options.accounts ?? options.allowed ?? 0)]
      : ['bench/support/customers.ts', String(simulatorPort), String(options.customers)],
    env,
  )
  const simulatorUrl = `http://127.0.0.1:${simulatorPort}`
  const api = spawnNode([...apiFlags, 'src/main/api.ts'], env)
  const children: ChildProcess[] = [api, simulator]
  const addWorker = async () => {
    const port = await anyFree()
    const worker = spawnNode([...otherFlags, 'src/main/worker.ts'], {
      ...env,
      SLUICE_METRICS_PORT: String(port),
    })
    children.push(worker)
    await untilOk(`http://127.0.0.1:${port}/readyz`)
    return worker
  }
  const base = `http://127.0.0.1:${apiPort}`
  await Promise.all([untilOk(`${base}/readyz`), untilOk(`${simulatorUrl}/_sim/keys`)])
  const worker = options.worker === false ? null : await addWorker()
  const keys = (await (await fetch(`${simulatorUrl}/_sim/keys`)).json()) as { secret: string }

  return {
    databaseUrl: postgres.url,
    simulatorUrl,
    simulatorKey: keys.secret,
    workerPid: worker?.pid ?? 0,
    apiUrl: base,
    apiKey,
    pids: { postgres: postgres.pid, temporal: temporal.pid, api: api.pid! },
    temporal: {
      address: temporal.address,
      metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    },
    addWorker,
    async api(method, path, body) {
      const response = await fetch(base + path, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
      return text === '' ? null : JSON.parse(text)
    },
    async stop() {
      for (const child of children) child.kill('SIGTERM')
      await Promise.all(children.map(gone))
      await temporal.stop()
      await postgres.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export function spawnNode(args: string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, args, {
    cwd: join(import.meta.dirname, '../..'),
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Its standard output, once it ended well. */
export async function finished(child: ChildProcess): Promise<string> {
  let out = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  const code = await gone(child)
  if (code !== 0) throw new Error(`${child.spawnargs[1]} ended with ${code}`)
  return out
}

export function gone(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
}

export async function untilOk(url: string): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    if (Date.now() > deadline) throw new Error(`${url} did not come up within a minute`)
    await delay(50)
  }
}
