import { AppError } from '../domain/error.ts'

export type Deadline = {
  /** Aborts when the time is over or the client hangs up. Made when it is first asked for: most calls never do. */
  signal(): AbortSignal
  /** What `work` gives, or `transient` when the time is over before. */
  race<T>(work: Promise<T>): Promise<T>
}

/** A timer instead of AbortSignal.timeout and AbortSignal.any, which cost 40 µs a request. */
export function startDeadline(ms: number, client: () => AbortSignal): Deadline {
  let controller: AbortController | null = null
  let over = false
  return {
    signal() {
      if (controller === null) {
        controller = new AbortController()
        const { signal, abort } = { signal: client(), abort: () => controller?.abort() }
        if (over || signal.aborted) controller.abort()
        else signal.addEventListener('abort', abort, { once: true })
      }
      return controller.signal
    },
    race<T>(work: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const timer = setTimeout(() => {
          over = true
          controller?.abort()
          reject(
            new AppError('transient', 'The request took too long. Try again in a moment.', {
              retryAfterMs: 5000,
            }),
          )
        }, ms)
        work.then(
          (value) => {
            clearTimeout(timer)
            resolve(value)
          },
          (error: unknown) => {
            clearTimeout(timer)
            reject(error)
          },
        )
      })
    },
  }
}
