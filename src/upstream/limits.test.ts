import { expect, test } from 'vitest'
import type { Limit } from '../connectors/connector.ts'
import { effectiveLimits } from './limits.ts'

const overall: Limit = {
  bucket: null,
  allowed: 80,
  intervalMs: 1000,
  maxConcurrent: 16,
  livemode: true,
}
const sandbox: Limit = {
  bucket: null,
  allowed: 20,
  intervalMs: 1000,
  maxConcurrent: 16,
  livemode: false,
}
const endpoint: Limit = { bucket: 'a', allowed: 20, intervalMs: 1000, maxConcurrent: null }
const connector = { limits: [overall, sandbox, endpoint] }

const rate = (allowed: number, interval = 1, cap = 0) => ({
  allowed_requests: allowed,
  interval,
  max_concurrent_requests: cap,
})

test("without a rate_limit the connector's limits of the mode hold", () => {
  expect(effectiveLimits(connector, [], true)).toEqual([overall, endpoint])
  expect(effectiveLimits(connector, [], false)).toEqual([sandbox, endpoint])
})

test('a smaller rate_limit replaces the overall limit and leaves the others', () => {
  const given = { bucket: null, allowed: 10, intervalMs: 1000, maxConcurrent: null }
  expect(effectiveLimits(connector, [rate(10)], true)).toEqual([given, endpoint])
})

test('a larger rate_limit lets the others grow by the same ratio', () => {
  const given = { bucket: null, allowed: 160, intervalMs: 1000, maxConcurrent: 4 }
  expect(effectiveLimits(connector, [rate(160, 1, 4)], true)).toEqual([
    given,
    { ...endpoint, allowed: 40 },
  ])
})

test('what no account has more of stays, however large the rate_limit', () => {
  const fixed = { ...endpoint, fixed: true as const }
  const limits = effectiveLimits({ limits: [overall, fixed] }, [rate(160)], true)
  expect(limits[1]).toEqual(fixed)
})

test('of several syncs the smallest rate_limit holds, and those over different intervals hold together', () => {
  const limits = effectiveLimits(connector, [rate(50, 1, 9), rate(10, 1, 3), rate(100, 60)], true)
  expect(limits).toEqual([
    { bucket: null, allowed: 10, intervalMs: 1000, maxConcurrent: 3 },
    { bucket: null, allowed: 100, intervalMs: 60_000, maxConcurrent: 3 },
    endpoint,
  ])
})
