import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError, type StartConfig } from '../config.ts'
import { Secret } from '../domain/secret.ts'
import {
  type Identity,
  identify,
  isRunning,
  readPidFile,
  removePidFile,
  stopProcess,
  writePidFile,
} from './embedded/identity.ts'

/** The folder of all state of `npm start`, held by one running process at a time. */
export type Home = {
  dir: string
  /** A path within, as a person in the working directory would type it. */
  shown(name: string): string
  path(name: string): string
  /** Keeps who runs, so that a later start finds what this one left behind. */
  remember(name: string, identity: Identity): void
  forget(name: string): void
  secrets: { apiKey: Secret; apiKeyFile: string | null; encryptionKey: Secret }
  /** For `verify:playground`: where everything is, without a secret. */
  noteRunning(running: { api: string; simulated: { provider: string; url: string }[] }): void
  /** Lets the next start in. */
  close(): void
}

/** Order in which things are stopped: who writes first, what it writes to last. */
const STOP_ORDER = ['worker', 'api', 'simulator', 'temporal', 'postgres'] as const
export type PartName = Exclude<(typeof STOP_ORDER)[number], 'simulator'> | `simulator-${string}`

/** For sorting names of parts into the order in which they are stopped. */
export function byStopOrder(a: string, b: string): number {
  const place = (name: string): number => STOP_ORDER.findIndex((kind) => name.startsWith(kind))
  return place(a) - place(b)
}

/** A start that is just ending (its npm was killed, say) is waited for; one that runs is refused. */
const WAIT_FOR_ENDING_MS = 12_000

/** Opens SLUICE_HOME: makes it, takes its lock, stops what an earlier start left behind, reads or makes the keys. */
export async function openHome(config: StartConfig, say: (line: string) => void): Promise<Home> {
  const dir = resolve(config.home)
  makeWritable(dir, config.home)
  const lock = join(dir, 'start.pid')
  await takeLock(lock, config.home)
  try {
    await stopLeftovers(join(dir, 'pids'), say)
    const path = (name: string): string => join(dir, name)
    return {
      dir,
      path,
      shown: (name) => shown(path(name)),
      remember: (name, identity) => writePidFile(path(`pids/${name}`), identity),
      forget: (name) => removePidFile(path(`pids/${name}`)),
      secrets: readSecrets(dir, config),
      noteRunning: ({ api, simulated }) => {
        const shown = { api, simulated: simulated.map(({ provider, url }) => ({ provider, url })) }
        writeFileSync(path('running.json'), `${JSON.stringify(shown)}\n`)
      },
      close: () => {
        rmSync(path('running.json'), { force: true })
        rmSync(lock, { force: true })
      },
    }
  } catch (error) {
    rmSync(lock, { force: true })
    throw error
  }
}

/** Says in the lock that this process is on its way out: a next start then waits instead of refusing. */
export function markEnding(home: Home): void {
  const lock = join(home.dir, 'start.pid')
  const held = readPidFile(lock)
  if (held?.pid === process.pid)
    writeFileSync(lock, `${JSON.stringify({ ...held, ending: true })}\n`)
}

function makeWritable(dir: string, given: string): void {
  try {
    // Root runs Postgres as another user, who must be able to walk through.
    mkdirSync(dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    for (const name of ['pids', 'logs'])
      mkdirSync(join(dir, name), { recursive: true, mode: 0o700 })
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? 'failed'
    throw new ConfigError(
      [
        `SLUICE_HOME (${given}) cannot be written (${code}): make it writable, or set SLUICE_HOME to another folder.`,
      ],
      { cause },
    )
  }
}

/** A hard link is made or refused in one step, so that of two starts at the same time one wins. */
async function takeLock(lock: string, given: string): Promise<void> {
  const me = identify(process.pid, basename(process.argv[1] ?? ''))
  const mine = `${lock}.${process.pid}`
  writeFileSync(mine, `${JSON.stringify(me)}\n`)
  const until = Date.now() + WAIT_FOR_ENDING_MS
  try {
    for (;;) {
      try {
        linkSync(mine, lock)
        return
      } catch (error) {
        if ((error as { code?: string }).code !== 'EEXIST') throw error
      }
      const holder = readPidFile(lock)
      const alive = holder !== null && isRunning(holder)
      if (alive && (!isEnding(lock) || Date.now() > until)) {
        throw new ConfigError([
          `Sluice runs already on ${given} (process ${holder.pid}): use that one, stop it first, or set SLUICE_HOME and PORT for a second one.`,
        ])
      }
      if (alive) await delay(100)
      else removeStale(lock, holder)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

function isEnding(lock: string): boolean {
  try {
    return (JSON.parse(readFileSync(lock, 'utf8')) as { ending?: boolean }).ending === true
  } catch {
    return true
  }
}

/** Moved first and looked at then: had another start taken the lock in between, it gets it back. */
function removeStale(lock: string, judged: Identity | null): void {
  const aside = `${lock}.stale-${process.pid}`
  try {
    renameSync(lock, aside)
  } catch {
    return
  }
  const moved = readPidFile(aside)
  if (moved !== null && moved.pid !== judged?.pid && isRunning(moved)) linkSync(aside, lock)
  rmSync(aside, { force: true })
}

async function stopLeftovers(pids: string, say: (line: string) => void): Promise<void> {
  for (const name of readdirSync(pids).sort(byStopOrder)) {
    const identity = readPidFile(join(pids, name))
    if (identity !== null) {
      const signal = name === 'postgres' ? 'SIGINT' : 'SIGTERM'
      const how = await stopProcess(identity, { signal, graceMs: 8_000 })
      if (how !== 'gone')
        say(`stopped ${name} (process ${identity.pid}), left behind by an earlier start`)
    }
    removePidFile(join(pids, name))
  }
}

function readSecrets(dir: string, config: StartConfig): Home['secrets'] {
  const encryptionKey =
    config.encryptionKeys.length > 0
      ? new Secret(config.encryptionKeys.map((key) => key.reveal()).join(','))
      : keptSecret(join(dir, 'encryption-key'), () => randomBytes(32).toString('base64'))
  if (config.apiKey !== null) return { apiKey: config.apiKey, apiKeyFile: null, encryptionKey }
  const file = join(dir, 'api-key')
  const apiKey = keptSecret(file, () => `sluice_${randomBytes(32).toString('base64url')}`)
  return { apiKey, apiKeyFile: shown(file), encryptionKey }
}

function keptSecret(file: string, make: () => string): Secret {
  try {
    writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error
  }
  return new Secret(readFileSync(file, 'utf8').trim())
}

function shown(path: string): string {
  const near = relative(process.cwd(), path)
  return near.startsWith('..') ? path : near
}
