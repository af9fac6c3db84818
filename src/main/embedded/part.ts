import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { environment } from '../../config.ts'
import { type Identity, identify } from './identity.ts'

/** A foreign binary that runs as our child: Postgres, Temporal. */
export type Part = {
  pid: number
  identity: Identity
  /** Resolves when the process has ended, however it ended. */
  ended: Promise<string>
  running(): boolean
  /** Idempotent: the signal, `graceMs` of patience, then SIGKILL. */
  stop(): Promise<void>
}

export type PartOptions = {
  command: string
  args: string[]
  /** A path of ours within `args`, by which a leftover is known as ours. */
  mark: string
  logFile: string
  signal: NodeJS.Signals
  graceMs: number
  uid?: number
  gid?: number
}

/**
 * Starts a binary in a process group of its own (a Ctrl-C in the terminal then reaches only us, and we stop the
 * parts in order), with its output in `logFile`, and a guard that stops it should we die without a word.
 */
export async function startPart(options: PartOptions): Promise<Part> {
  if (existsSync(options.logFile)) renameSync(options.logFile, `${options.logFile}.before`)
  const log = openSync(options.logFile, 'a', 0o600)
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: bareEnvironment(),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid }),
  })
  closeSync(log)
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  await spawned
  const pid = child.pid ?? -1
  const guard = startGuard(pid, options.signal)
  let over = false
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true
      guard.release()
      resolve(signal === null ? `exit code ${code}` : signal)
    })
  })
  const stop = async (): Promise<void> => {
    if (over) return
    child.kill(options.signal)
    if ((await Promise.race([ended, delay(options.graceMs, null, { ref: false })])) !== null) return
    child.kill('SIGKILL')
    await ended
  }
  const identity = identify(pid, options.mark) ?? { pid, startedAt: '', mark: options.mark }
  return { pid, identity, ended, running: () => !over, stop }
}

/** The parts get nothing of our environment that they do not need: it may hold keys. */
function bareEnvironment(): Record<string, string> {
  const needed = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'LANG']
  return Object.fromEntries(
    needed.flatMap((name) => {
      const value = environment()[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** The last lines of a part's log: what it had to say before it ended. */
export function lastLines(logFile: string, count: number): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return ''
  }
}

/**
 * A shell (1 MB) that waits on a pipe which only we hold. The kernel closes it when we die, SIGKILL included; then
 * the shell stops the part. `release` tells it that nothing is left to do.
 */
function startGuard(pid: number, signal: NodeJS.Signals): { release(): void } {
  const script = `read -r word; [ "$word" = done ] || kill -s ${signal.slice(3)} ${pid}`
  const shell: ChildProcess = spawn('/bin/sh', ['-c', script, 'sluice-guard'], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => undefined)
  shell.stdin?.on('error', () => undefined)
  shell.unref()
  ;(shell.stdin as unknown as { unref?(): void } | null)?.unref?.()
  return { release: () => shell.stdin?.end('done\n') }
}
