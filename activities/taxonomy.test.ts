import { ApplicationFailureCategory } from '@temporalio/common'
import { describe, expect, test } from 'vitest'
import { AppError } from '../src/domain/error.ts'
import type { ErrorKind } from '../src/domain/error.ts'
import { toFailure } from '../src/temporal/failure.ts'
import { broken, classify } from '../src/upstream/classify.ts'
import { blockFor } from './state.ts'

/** What comes of an answer: its class, how long it is waited (ms; null: by Temporal's own policy), and whether Temporal tries again. */
type Row = [status: number, headers: Record<string, string>, kind: ErrorKind, waitMs: number | null]

const soon = { 'retry-after': '7' }
const dated = {
  date: 'Tue, 24 Nov 2026 06:00:00 GMT',
  'retry-after': 'Tue, 24 Nov 2026 06:00:30 GMT',
}
const dialects = [{ 'retry-after-ms': '1500' }, { 'x-ratelimit-reset-after': '1.5' }]
const clamped = { 'retry-after': '86400' }
const nonsense = { 'retry-after': 'soon' }

const rows: Row[] = [
  [301, {}, 'permanent', null],
  [307, soon, 'permanent', null],
  [400, {}, 'permanent', null],
  [401, {}, 'auth', null],
  [401, soon, 'auth', null],
  [403, {}, 'permanent', null],
  [404, {}, 'permanent', null],
  [405, {}, 'permanent', null],
  [408, {}, 'transient', null],
  [409, {}, 'transient', null],
  [410, {}, 'permanent', null],
  [422, {}, 'permanent', null],
  [425, {}, 'transient', null],
  [429, {}, 'rate_limited', 1_000],
  [429, soon, 'rate_limited', 7_000],
  [429, dated, 'rate_limited', 30_000],
  ...dialects.map((headers): Row => [429, headers, 'rate_limited', 1_500]),
  [429, clamped, 'rate_limited', 3_600_000],
  [429, nonsense, 'rate_limited', 1_000],
  [500, {}, 'transient', null],
  [500, soon, 'transient', 7_000],
  [502, {}, 'transient', null],
  [503, dated, 'transient', 30_000],
  [503, clamped, 'transient', 3_600_000],
  [504, {}, 'transient', null],
  [520, {}, 'transient', null],
]

const retried: ErrorKind[] = ['transient', 'rate_limited', 'bug']
const noFailure: ErrorKind[] = ['rate_limited', 'auth', 'invalid', 'stopped', 'not_found']

function expectTreatment(error: AppError, waitMs: number | null): void {
  const failure = toFailure(error)
  expect(failure.type).toBe(error.kind)
  expect(failure.nonRetryable).toBe(!retried.includes(error.kind))
  expect(failure.nextRetryDelay ?? null).toBe(waitMs)
  const benign = failure.category === ApplicationFailureCategory.BENIGN
  expect(benign).toBe(noFailure.includes(error.kind))
}

describe('a refused answer', () => {
  test.each(rows)('%i %j is %s', (status, headers, kind, waitMs) => {
    const answer = { status, headers, body: '{"error":"secret"}', path: '/v1/things?key=secret' }
    const known = classify({ title: 'Acme' }, answer, Date.parse('2026-11-24T06:00:00Z'))
    expect(known.kind).toBe(kind)
    expect(known.message).toMatch(/^Acme .*\.$/)
    expect(known.message).not.toContain('secret')
    const { retryAfterMs } = known
    const told = retryAfterMs === undefined ? {} : { retryAfterMs }
    expectTreatment(new AppError(known.kind, known.message, told), waitMs)
  })
})

describe('an answer that did not come', () => {
  test.each([
    ['UND_ERR_CONNECT_TIMEOUT', 'transient'],
    ['UND_ERR_HEADERS_TIMEOUT', 'transient'],
    ['UND_ERR_BODY_TIMEOUT', 'transient'],
    ['TOO_SLOW', 'transient'],
    ['ECONNREFUSED', 'transient'],
    ['ECONNRESET', 'transient'],
    ['ENOTFOUND', 'transient'],
    ['Z_BUF_ERROR', 'transient'],
    ['ERR_ENCODING_INVALID_ENCODED_DATA', 'transient'],
    ['UND_ERR_INVALID_ARG', 'auth'],
    ['never heard of', 'transient'],
  ] as const)('%s is %s', (code, kind) => {
    const error = broken(
      'Acme',
      '/v1/things?key=secret',
      Object.assign(new Error('secret'), { code }),
    )
    expect(error.kind).toBe(kind)
    expect(error.message).not.toContain('secret')
    expectTreatment(error, null)
  })
})

test('only what a credential or account cannot have blocks a collection, by its reason, and is probed', () => {
  const plan = new AppError('permanent', 'Acme does not let this credential read /v1/things.')
  const off = new AppError('permanent', 'Things are not enabled.', { code: 'not-enabled' })
  expect(blockFor(plan)).toEqual({ kind: 'permanent', reason: plan.message, probeMs: 3_600_000 })
  expect(blockFor(off)).toEqual({ kind: 'not_enabled', reason: off.message, probeMs: 21_600_000 })
})

test('a bug waits ever longer, up to ten minutes', () => {
  const waits = [1, 2, 3, 7, 50].map((attempt) => toFailure(new TypeError('x'), attempt))
  expect(waits.map(({ nextRetryDelay }) => nextRetryDelay)).toEqual([
    10_000, 20_000, 40_000, 600_000, 600_000,
  ])
})
