import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, existsSync, openSync, renameSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError, type Environment, EXIT_CONFIG } from '../../config.ts'
import { AppError } from '../../domain/error.ts'
import { identify } from './identity.ts'
import { lastLines, type Part } from './part.ts'

/** One of our own entry points as a child process that has said that it serves. */
export type Child = Part & { info: Record<string, string | number> }

export type ChildOptions = {
  /** Absolute path of the entry point. */
  entry: string
  args?: string[]
  env: Environment
  logFile: string
  graceMs: number
  readyMs?: number
}

// As in package.json's own scripts. Without them Node lets a heap grow with the machine, for nothing that could be measured
// (a worker in mid-backfill: 420-530 MB without, 260-290 MB with them; tighter ones cost speed). A list of 50 syncs is 130 kB:
// with 50 percent the API met a full collection every 1.6 s of lists, of up to 25 ms, which were their p99. Hundreds of calls
// of `next` that wait outlive a collection of the young generation, so V8 decides to make some of their objects in the old one,
// where each, dead, keeps its whole call until the next full collection: 20 µs of 75 a call.
export const apiFlags = [
  '--max-semi-space-size=32',
  '--heap-growing-percent=150',
  '--no-allocation-site-pretenuring',
]
export const otherFlags = ['--max-semi-space-size=8', '--heap-growing-percent=50']

/**
 * Starts an entry point in a process group of its own, with its output in `logFile` and a channel to us: over it the child says
 * that it is ready, and by its closing it learns that we are gone.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { child, ended, stop, running } = launch(options)
  const readyMs = options.readyMs ?? 60_000
  const ready = new Promise<Record<string, string | number>>((resolve) => {
    child.on('message', (message: { type?: string; info?: Record<string, string | number> }) => {
      if (message.type === 'ready') resolve(message.info ?? {})
    })
  })
  const info = await Promise.race([ready, ended, delay(readyMs, null, { ref: false })])
  if (info === null || typeof info === 'string') {
    await stop()
    const late = `is not ready after ${readyMs / 1000} s`
    throw failure(options, info === null ? late : `ended at start-up (${info})`, child.exitCode)
  }
  const pid = child.pid ?? -1
  const identity = identify(pid, options.entry) ?? { pid, startedAt: '', mark: options.entry }
  return { pid, identity, ended, running, stop, info }
}

function launch(options: ChildOptions): Omit<Part, 'pid' | 'identity'> & { child: ChildProcess } {
  if (existsSync(options.logFile)) renameSync(options.logFile, `${options.logFile}.before`)
  const log = openSync(options.logFile, 'a', 0o600)
  const child = fork(options.entry, options.args ?? [], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    // glibc keeps a heap for each thread else, which costs a worker 25 MB.
    env: { MALLOC_ARENA_MAX: '2', ...options.env },
    execArgv: basename(options.entry) === 'api.ts' ? apiFlags : otherFlags,
  })
  closeSync(log)
  let over = false
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => {
      over = true
      resolve(signal ?? `exit code ${code}`)
    })
  })
  const stop = async (): Promise<void> => {
    if (over) return
    child.kill('SIGTERM')
    if ((await Promise.race([ended, delay(options.graceMs, null, { ref: false })])) !== null) return
    child.kill('SIGKILL')
    await ended
  }
  return { child, ended, running: () => !over, stop }
}

function failure(options: ChildOptions, how: string, code: number | null): Error {
  const said = lastLines(options.logFile, 12)
  if (code === EXIT_CONFIG) return new ConfigError(said.split('\n'))
  return new AppError(
    'transient',
    `${basename(options.entry, '.ts')} ${how}, see ${options.logFile}:\n${said}`,
  )
}
