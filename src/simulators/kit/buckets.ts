import type { Now } from './clock.ts'

export type TokenBucket = {
  /** True: taken. False: nothing left, and nothing was taken. */
  take(): boolean
  /** Milliseconds until a token is there. */
  waitMs(): number
}

/** Holds at most one second's worth, starts full. */
export function createTokenBucket(perSecond: number, now: Now): TokenBucket {
  let tokens = perSecond
  let filledAt = now()
  const fill = () => {
    const at = now()
    tokens = Math.min(perSecond, tokens + ((at - filledAt) / 1000) * perSecond)
    filledAt = at
  }
  return {
    take: () => {
      fill()
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
    waitMs: () => {
      fill()
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000)
    },
  }
}
