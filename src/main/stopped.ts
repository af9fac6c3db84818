import type { Environment } from '../config.ts'

/**
 * When `npm start` is to end: at a signal (a Ctrl-C comes twice, from the terminal and from npm: once is enough), or when the npm that
 * ran it is gone, which says nothing when it is killed.
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
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid !== parent) end('npm is gone')
    }, 500)
    watch.unref()
  })
  return { reason, signal: aborted.signal, abort: () => aborted.abort() }
}
