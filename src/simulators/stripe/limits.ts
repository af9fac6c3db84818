import { createTokenBucket } from '../kit/buckets.ts'
import type { TokenBucket } from '../kit/buckets.ts'
import type { Now } from '../kit/clock.ts'
import { StripeError } from './errors.ts'

const live = { global: 100, endpoint: 25, concurrent: 20 }
const test = { ...live, global: 25 }

export type Limiter = { check(endpoint: string, inFlight: number): void }

/** Documented limits of an account: throws 429 with the reason when one is passed. */
export function createLimiter(livemode: boolean, now: Now): Limiter {
  const figures = livemode ? live : test
  const global = createTokenBucket(figures.global, now)
  const endpoints = new Map<string, TokenBucket>()
  return {
    check: (endpoint, inFlight) => {
      if (inFlight > figures.concurrent) throw limited('global-concurrency')
      let bucket = endpoints.get(endpoint)
      if (bucket === undefined) {
        bucket = createTokenBucket(figures.endpoint, now)
        endpoints.set(endpoint, bucket)
      }
      if (!bucket.take()) throw limited('endpoint-rate')
      if (!global.take()) throw limited('global-rate')
    },
  }
}

/** 429. `reason` null and `code` lock_timeout: another request holds the object. */
export function limited(
  reason: string | null,
  headers: Record<string, string> = {},
  code = 'rate_limit',
): StripeError {
  const message =
    code === 'lock_timeout'
      ? 'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. ' +
        'If you see this error intermittently, retry the request.'
      : 'Request rate limit exceeded: too many requests. Learn more about rate limits here https://stripe.com/docs/rate-limits.'
  return new StripeError(
    429,
    { code, message },
    {
      ...(reason === null ? {} : { 'stripe-rate-limited-reason': reason }),
      ...headers,
    },
  )
}
