/** An account that changes by itself. */
export type Life = {
  /** Steps so many times a second from now on, 0: not at all; returns what stops it. */
  live(ratePerSecond: number): () => void
  readonly rate: number
  stop(): void
}

/** `step` is one thing that happens; it never throws. */
export function createLife(step: () => void): Life {
  let rate = 0
  let timer: NodeJS.Timeout | null = null
  const stop = () => {
    if (timer !== null) clearInterval(timer)
    timer = null
    rate = 0
  }
  return {
    live: (ratePerSecond) => {
      stop()
      if (!(ratePerSecond > 0)) return stop
      rate = ratePerSecond
      timer = setInterval(step, 1000 / ratePerSecond)
      timer.unref()
      return stop
    },
    get rate() {
      return rate
    },
    stop,
  }
}
