import { AppError } from '../domain/error.ts'
import type { Right } from './auth.ts'

/** What one API key may ask of one process: far above honest use, and less than it answers (7,000 reads a second on two cores). */
export const keyRequestsPerSecond = 5000
/** Consuming is cheap, and bounded by `max_waiting` already: a service's many workers share a key. */
const consumeShare = 0.02
const burstMs = 2000
const keysMax = 10_000

/**
 * Counts requests by key (GCRA: one number a key). In the memory of the process: it protects this process, and costs no
 * round trip.
 */
export function createKeyLimit(perSecond: number = keyRequestsPerSecond) {
  const costMs = 1000 / perSecond
  const arrivals = new Map<string, number>()
  return {
    /** Throws `rate_limited` with the time to wait. */
    take(keyId: string, right: Right, now: number): void {
      const arrival = Math.max(arrivals.get(keyId) ?? 0, now)
      const waitMs = arrival - now - burstMs
      if (waitMs > 0) {
        throw new AppError(
          'rate_limited',
          `This API key has sent more than ${perSecond} requests a second.`,
          { retryAfterMs: waitMs },
        )
      }
      if (arrivals.size >= keysMax) arrivals.clear()
      arrivals.set(keyId, arrival + (right === 'consume' ? costMs * consumeShare : costMs))
    },
  }
}

export type KeyLimit = ReturnType<typeof createKeyLimit>
