import { expect, test } from 'vitest'
import { retryAfterMs } from './retryAfter.ts'

const now = Date.UTC(2026, 10, 24, 6, 0, 0)

test.each([
  ['seconds', { 'retry-after': '3' }, 3000],
  ['a fraction of a second', { 'retry-after': '2.5' }, 2500],
  ['milliseconds', { 'retry-after-ms': '700', 'retry-after': '1' }, 700],
  ['a dialect', { 'x-ratelimit-reset-after': '4' }, 4000],
  ['a date', { 'retry-after': 'Tue, 24 Nov 2026 06:00:20 GMT' }, 20_000],
  [
    'a date by the clock of the provider',
    { 'retry-after': 'Tue, 24 Nov 2026 05:00:20 GMT', date: 'Tue, 24 Nov 2026 05:00:00 GMT' },
    20_000,
  ],
  ['a date that is past', { 'retry-after': 'Tue, 24 Nov 2026 05:00:20 GMT' }, 250],
  ['no time at all', { 'retry-after': '0' }, 250],
  ['a year', { 'retry-after': '31536000' }, 3_600_000],
  ['nonsense', { 'retry-after': 'soon' }, null],
  ['a negative number', { 'retry-after': '-5' }, null],
  ['nothing', {}, null],
] as [string, Record<string, string>, number | null][])(
  '%s is understood',
  (_, headers, waitMs) => {
    expect(retryAfterMs(headers, now)).toBe(waitMs)
  },
)
