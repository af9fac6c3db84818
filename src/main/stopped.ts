import { readFileSync } from 'node:fs'
import type { Environment } from '../config.ts'

/**
 * When `npm start` is to end: at a signal (a Ctrl-C comes twice, from the terminal and from npm: once is enough), or when the npm that
 * ran it is gone. npm puts a shell between itself and us: killed, neither of them passes anything on.
 */
export function untilStopped(env: Environment): {
  reason: Promise<string>
  signal: AbortSignal
  abort(): void
} {
  const aborted = new AbortController()
  const reason = new Promise<string>((resolve) => {
    const end = (why: string): void => {
      aborted.abort()
      resolve(why)
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => end(name))
    if (env['npm_lifecycle_event'] === undefined) return
    const before = ancestors()
    const watch = setInterval(() => {
      if (ancestors() !== before) end('npm is gone')
    }, 500)
    watch.unref()
  })
  return { reason, signal: aborted.signal, abort: () => aborted.abort() }
}

/** Who started us, and who started that one (where /proc tells): an orphan gets another parent. */
function ancestors(): string {
  const parent = process.ppid
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8')
    return `${parent} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]}`
  } catch {
    return `${process.ppid}`
  }
}
