import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Which process a pid meant when we wrote it down. Pids are reused, so a pid alone is never killed: the
 * start time must be the same and `mark` (a path of ours) must still stand in its command line.
 */
export type Identity = { pid: number; startedAt: string; mark: string }

export function identify(pid: number, mark: string): Identity | null {
  const seen = look(pid)
  return seen === null ? null : { pid, startedAt: seen.startedAt, mark }
}

export function isRunning(identity: Identity): boolean {
  const seen = look(identity.pid)
  return (
    seen !== null && seen.startedAt === identity.startedAt && seen.command.includes(identity.mark)
  )
}

/** Sends `signal`, waits up to `graceMs`, then kills. Does nothing to a process that is not ours any more. */
export async function stopProcess(
  identity: Identity,
  options: { signal: NodeJS.Signals; graceMs: number },
): Promise<'gone' | 'stopped' | 'killed'> {
  if (!isRunning(identity)) return 'gone'
  send(identity.pid, options.signal)
  if (await ended(identity, options.graceMs)) return 'stopped'
  send(identity.pid, 'SIGKILL')
  await ended(identity, 2_000)
  return 'killed'
}

export function writePidFile(file: string, identity: Identity): void {
  writeFileSync(file, `${JSON.stringify(identity)}\n`)
}

export function readPidFile(file: string): Identity | null {
  try {
    const read = JSON.parse(readFileSync(file, 'utf8')) as Partial<Identity>
    if (typeof read.pid !== 'number' || typeof read.startedAt !== 'string') return null
    return typeof read.mark === 'string' && read.mark !== '' ? (read as Identity) : null
  } catch {
    return null
  }
}

export function removePidFile(file: string): void {
  rmSync(file, { force: true })
}

async function ended(identity: Identity, patienceMs: number): Promise<boolean> {
  const until = Date.now() + patienceMs
  while (isRunning(identity)) {
    if (Date.now() >= until) return false
    await delay(25)
  }
  return true
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal.
  }
}

function look(pid: number): { startedAt: string; command: string } | null {
  return existsSync('/proc/self/stat') ? lookInProc(pid) : lookByPs(pid)
}

/** Field 22 of `stat` is the start in clock ticks since boot; a zombie has ended, it is only not yet reaped. */
function lookInProc(pid: number): { startedAt: string; command: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return null
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return { startedAt: fields[19] ?? '', command }
  } catch {
    return null
  }
}

function lookByPs(pid: number): { startedAt: string; command: string } | null {
  try {
    const out = execFileSync('ps', ['-o', 'stat=,lstart=,command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const parts = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/s.exec(out)
    if (parts === null || parts[1]?.startsWith('Z') === true) return null
    return { startedAt: parts[2] ?? '', command: parts[3] ?? '' }
  } catch {
    return null
  }
}
