import { describe, expect, test } from 'vitest'
import { ApplicationFailureCategory } from '@temporalio/common'
import type { ErrorKind } from '../domain/error.ts'
import { AppError } from '../domain/error.ts'
import { limits } from '../domain/limits.ts'
import { takenOver, toFailure } from './failure.ts'

describe('errors become failures', () => {
  test.each<[ErrorKind, { retryable: boolean; benign: boolean }]>([
    ['transient', { retryable: true, benign: false }],
    ['rate_limited', { retryable: true, benign: true }],
    ['auth', { retryable: false, benign: true }],
    ['permanent', { retryable: false, benign: false }],
    ['invalid', { retryable: false, benign: true }],
    ['indeterminate', { retryable: false, benign: false }],
    ['bug', { retryable: true, benign: false }],
    ['stopped', { retryable: false, benign: true }],
  ])('%s', (kind, { retryable, benign }) => {
    const failure = toFailure(new AppError(kind, 'A sentence.'))
    expect(failure.type).toBe(kind)
    expect(failure.message).toBe('A sentence.')
    expect(failure.nonRetryable).toBe(!retryable)
    expect(failure.category === ApplicationFailureCategory.BENIGN).toBe(benign)
  })

  test('a wait that was asked for is the delay of the next attempt', () => {
    expect(
      toFailure(new AppError('rate_limited', 'Wait.', { retryAfterMs: 12_345 })).nextRetryDelay,
    ).toBe(12_345)
    expect(toFailure(new AppError('transient', 'Again.')).nextRetryDelay).toBeUndefined()
  })

  test('a bug is tried ever more slowly', () => {
    const delays = [1, 2, 3, 30].map(
      (attempt) => toFailure(new TypeError('x'), attempt).nextRetryDelay,
    )
    expect(delays).toEqual([
      limits.bugBackoffMs,
      2 * limits.bugBackoffMs,
      4 * limits.bugBackoffMs,
      limits.bugBackoffMaxMs,
    ])
  })

  test('G12: nothing but our own sentence crosses: no cause, stack, details or foreign text', () => {
    const planted = 'sk_live_planted'
    const cause = Object.assign(new Error(`syntax error at ${planted}`), { parameters: [planted] })
    const failures = [
      toFailure(
        new AppError('transient', 'The database is away.', { cause, details: { note: planted } }),
      ),
      toFailure(cause),
      toFailure(planted),
      takenOver(),
    ]
    for (const failure of failures) {
      expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toContain(
        planted,
      )
      expect(failure.stack).toBe('')
      expect(failure.cause).toBeUndefined()
    }
  })
})
