import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError } from '../../config.ts'
import { lastLines, type Part, startPart } from './part.ts'
import { isFree, keptPort } from './ports.ts'
import { initCluster, loadBinaries, majorVersion } from './postgresBinaries.ts'
import { launchAs, runAs, type RunAs } from './runAs.ts'

export type Postgres = {
  url: string
  port: number
  pid: number
  part: Part
  /** Fast shutdown: sessions are ended, a checkpoint is written. */
  stop(): Promise<void>
}

export type PostgresOptions = {
  /** Holds `data/`, `port`, `password` and `log`; made if it is not there. */
  dir: string
  /** Left out: the port of the last start, else a free one. */
  port?: number
  /** false: no fsync, for tests that throw the cluster away. A killed process still loses no commit, a power cut would. */
  durable?: boolean
  /** `1GB`; left out: 128 MB, as a laptop has room for it. */
  sharedBuffers?: string
  log?: (line: string) => void
}

const READY_MS = 60_000
const RELEASE_MS = 10_000

/** Starts the embedded PostgreSQL on 127.0.0.1; makes its cluster (UTF8, C locale) at the first start. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { dir } = options
  const data = join(dir, 'data')
  const binaries = await loadBinaries()
  mkdirSync(dir, { recursive: true, mode: 0o711 })
  const user = runAs(data)
  const password = keptPassword(join(dir, 'password'))
  refuseOtherVersion(data, await majorVersion(binaries.postgres))
  if (!existsSync(join(data, 'PG_VERSION'))) {
    options.log?.('making a new database cluster')
    await initCluster({ binaries, dir, data, password, user })
  }
  const port = await choosePort(dir, options.port)
  const logFile = join(dir, 'log')
  await untilReleased(data)
  const part = await spawnServer({
    binaries,
    data,
    dir,
    port,
    user,
    logFile,
    durable: options.durable ?? true,
    sharedBuffers: options.sharedBuffers ?? '128MB',
  })
  await untilReady(part, data, logFile)
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  return { url, port, pid: part.pid, part, stop: part.stop }
}

async function spawnServer(options: {
  binaries: { postgres: string }
  data: string
  dir: string
  port: number
  user: RunAs
  logFile: string
  durable: boolean
  sharedBuffers: string
}): Promise<Part> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: options.sharedBuffers,
    max_wal_size: '2GB',
    // A client that died with its worker must not hold its locks for long.
    tcp_keepalives_idle: '10',
    log_line_prefix: '%m [%p] ',
    log_min_messages: 'warning',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  }
  const args = [
    '-D',
    options.data,
    ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
  ]
  const { postgres } = options.binaries
  return startPart({
    ...launchAs(options.user, [postgres, options.data], postgres, args),
    mark: options.data,
    logFile: options.logFile,
    signal: 'SIGINT',
    graceMs: 4_000,
  })
}

/** Postgres itself says in its pid file when it takes connections (line 8); line 1 tells that the file is of this start. */
/**
 * A postmaster that was killed keeps its lock until its parent has reaped it: a moment in which a new one refuses to start.
 * Whoever still holds it after that is another server, and says so itself.
 */
async function untilReleased(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const deadline = Date.now() + RELEASE_MS
  while (existsSync(lock) && exists(Number.parseInt(readFileSync(lock, 'utf8'), 10))) {
    if (Date.now() > deadline) return
    await delay(50)
  }
}

function exists(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function untilReady(part: Part, data: string, logFile: string): Promise<void> {
  const until = Date.now() + READY_MS
  for (;;) {
    const lines = readLines(join(data, 'postmaster.pid'))
    if (lines[0]?.trim() === String(part.pid) && lines[7]?.trim() === 'ready') return
    if (!part.running()) {
      throw new ConfigError([
        `The embedded Postgres ended at start-up. It said:\n${lastLines(logFile, 5)}`,
      ])
    }
    if (Date.now() > until) {
      await part.stop()
      throw new ConfigError([`The embedded Postgres is not ready after 60 s; see ${logFile}.`])
    }
    await delay(20)
  }
}

async function choosePort(dir: string, asked: number | undefined): Promise<number> {
  if (asked === undefined) return keptPort(join(dir, 'port'), [7432])
  if (await isFree(asked)) return asked
  throw new ConfigError([
    `Port ${asked} for the embedded Postgres is taken; stop what listens there or give DATABASE_URL.`,
  ])
}

function refuseOtherVersion(data: string, ours: string): void {
  const theirs = readLines(join(data, 'PG_VERSION'))[0]?.trim()
  if (theirs === undefined || theirs === '' || theirs === ours) return
  throw new ConfigError([
    `${data} was made by PostgreSQL ${theirs}, and the embedded one is ${ours}: move that directory away to start anew, or run PostgreSQL ${theirs} yourself and give its DATABASE_URL.`,
  ])
}

function keptPassword(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('hex'), { mode: 0o600 })
  return readFileSync(file, 'utf8').trim()
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}
