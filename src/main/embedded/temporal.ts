import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ConfigError } from '../../config.ts'
import { lastLines, type Part, startPart } from './part.ts'
import { isFree, keptPort } from './ports.ts'
import { accepts, serves } from './probe.ts'

export type Temporal = {
  address: string
  uiUrl: string | null
  pid: number
  part: Part
  stop(): Promise<void>
}

export type TemporalOptions = {
  binary: string
  /** Holds the database file, the ports and the log; made if it is not there. */
  dir: string
  /** Left out: the port of the last start, else 7233 (and 8233 for the UI), else a free one. null for the UI: none. */
  port?: number
  uiPort?: number | null
  searchAttributes: Record<string, 'Keyword' | 'Int' | 'Datetime' | 'Bool'>
  dynamicConfig?: Record<string, string | number | boolean>
  /** Where the server's own metrics are served; left out: nowhere. */
  metricsPort?: number
}

/** A slow disk or a busy machine may take long; the SDK's own starter gives up after 5 s. */
const READY_MS = 60_000

/**
 * Starts `temporal server start-dev` on 127.0.0.1 with its data in `dir`, and waits until it answers for the default namespace.
 * The file carries the CLI's version: the server does not migrate the schema of its file database, and what a new file lacks,
 * Sluice's own watch starts again from Postgres.
 */
export async function startTemporal(options: TemporalOptions): Promise<Temporal> {
  const { dir } = options
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const version = await versionOf(options.binary)
  const port = await choosePort(join(dir, 'port'), options.port, 7233)
  const uiPort =
    options.uiPort === null ? null : await choosePort(join(dir, 'ui-port'), options.uiPort, 8233)
  const database = join(dir, `temporal-${version ?? 'unknown'}.db`)
  const logFile = join(dir, 'log')
  const part = await startPart({
    command: options.binary,
    args: serverArgs(options, { port, uiPort, database }),
    mark: database,
    logFile,
    signal: 'SIGTERM',
    graceMs: 5_000,
  })
  await untilServing(part, port, logFile)
  return {
    address: `127.0.0.1:${port}`,
    uiUrl: uiPort === null ? null : `http://127.0.0.1:${uiPort}`,
    pid: part.pid,
    part,
    stop: part.stop,
  }
}

/** The version that a `temporal` binary says it has, or null if it is none. */
export async function versionOf(binary: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 20_000 })
    return /temporal version (\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? null
  } catch {
    return null
  }
}

function serverArgs(
  options: TemporalOptions,
  at: { port: number; uiPort: number | null; database: string },
): string[] {
  // No query of versions over the internet; and updates are what the API steers syncs by.
  const dynamic = { 'frontend.enableServerVersionCheck': false, ...options.dynamicConfig }
  return [
    ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(at.port)],
    at.uiPort === null ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(at.uiPort)],
    ['--db-filename', at.database],
    ['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=OFF'],
    ['--log-level', 'warn', '--log-format', 'json'],
    options.metricsPort === undefined ? [] : ['--metrics-port', String(options.metricsPort)],
    ...Object.entries(options.searchAttributes).map(([name, type]) => [
      '--search-attribute',
      `${name}=${type}`,
    ]),
    ...Object.entries(dynamic).map(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
  ].flat()
}

async function untilServing(part: Part, port: number, logFile: string): Promise<void> {
  const until = Date.now() + READY_MS
  for (;;) {
    if (!part.running()) {
      throw new ConfigError([
        `The embedded Temporal server ended at start-up. It said:\n${lastLines(logFile, 5)}`,
      ])
    }
    if ((await accepts(port)) && (await serves(port))) return
    if (Date.now() > until) {
      await part.stop()
      throw new ConfigError([
        `The embedded Temporal server is not ready after 60 s; see ${logFile}.`,
      ])
    }
    await delay(50)
  }
}

async function choosePort(
  file: string,
  asked: number | undefined,
  preferred: number,
): Promise<number> {
  if (asked === undefined) return keptPort(file, [preferred])
  if (await isFree(asked)) return asked
  throw new ConfigError([
    `Port ${asked} for the embedded Temporal server is taken; stop what listens there or give TEMPORAL_ADDRESS.`,
  ])
}
