export type Waiter = {
  /** Ends after `ms`, at a wake-up (also one that came since the last wait), or when the signal aborts. One at a time. */
  wait(ms: number): Promise<void>
  wake(): void
}

export function createWaiter(signal: AbortSignal): Waiter {
  let woken = false
  let end: (() => void) | null = null
  const wake = () => {
    woken = true
    end?.()
  }
  signal.addEventListener('abort', wake)
  return {
    wake,
    async wait(ms) {
      if (!woken && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          end = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        end = null
      }
      woken = false
    },
  }
}
