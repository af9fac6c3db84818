import { describe, expect, test } from 'vitest'
import { limits } from './limits.ts'
import {
  areTold,
  backoffMs,
  missedByWebhooks,
  nextEnumerationMs,
  nextPollMs,
  pollFloorMs,
  waitForPassMs,
} from './pace.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

describe('the interval of continuous polls', () => {
  const quiet = { changed: false, sinceChangeMs: minute, floorMs: 0, told: false }
  test.each([
    ['the first poll is followed by one after a second', { ...quiet, previousMs: null }, 1_000],
    ['a change brings it back to a second', { ...quiet, changed: true, previousMs: 15_000 }, 1_000],
    ['each quiet poll makes it half as long again', { ...quiet, previousMs: 2_000 }, 3_000],
    ['up to 15 s while something moved within the hour', { ...quiet, previousMs: 14_000 }, 15_000],
    [
      'up to a minute after an hour without any change',
      { ...quiet, sinceChangeMs: hour, previousMs: 50_000 },
      minute,
    ],
    [
      'also where no change was ever seen',
      { ...quiet, sinceChangeMs: null, previousMs: 50_000 },
      minute,
    ],
    [
      'up to five minutes where webhooks tell',
      { ...quiet, told: true, sinceChangeMs: hour, previousMs: 250_000 },
      5 * minute,
    ],
    [
      'not more than without them while something moved within the hour',
      { ...quiet, told: true, previousMs: 14_000 },
      15_000,
    ],
    [
      'a change brings it back to a second there too',
      { ...quiet, told: true, changed: true, previousMs: 5 * minute },
      1_000,
    ],
    [
      'never less than a metered quota affords',
      { ...quiet, changed: true, previousMs: null, floorMs: 9_000 },
      9_000,
    ],
  ])('%s', (_, facts, expected) => {
    expect(nextPollMs(facts)).toBe(expected)
  })

  test('only quotas over a day or more are metered, and polls get half of them', () => {
    expect(pollFloorMs([{ allowed: 100, intervalMs: 1_000 }])).toBe(0)
    expect(
      pollFloorMs([
        { allowed: 86_400, intervalMs: day },
        { allowed: 100, intervalMs: 1_000 },
      ]),
    ).toBe(2_000)
  })
})

test.each([
  ['none ever came', null, null, false],
  ['one came an hour ago', hour, null, true],
  ['the last came two days ago', 2 * day, null, false],
  ['one was missed since the last came', 2 * hour, hour, false],
  ['one was missed an hour ago, others came since', minute, hour, false],
  ['one was missed two days ago, others came since', hour, 2 * day, true],
])('webhooks are believed or not: %s', (_, heardAgoMs, missedAgoMs, expected) => {
  const at = (agoMs: number | null) => (agoMs === null ? null : 10 * day - agoMs)
  const facts = { heardMs: at(heardAgoMs), missedMs: at(missedAgoMs), nowMs: 10 * day }
  expect(areTold(facts)).toBe(expected)
})

test('a webhook was missed where a poll that waited for it finds a change', () => {
  expect(missedByWebhooks(true, 5 * minute)).toBe(true)
  expect(missedByWebhooks(false, 5 * minute)).toBe(false)
  // as late as it would have been anyway
  expect(missedByWebhooks(true, minute)).toBe(false)
  // something else had told of it
  expect(missedByWebhooks(true, null)).toBe(false)
})

test('a frequency counts from the last start, and comes up to a tenth early', () => {
  expect(waitForPassMs('continuous', 5, 0)).toBe(0)
  expect(waitForPassMs('15m', minute, 0)).toBe(14 * minute)
  expect(waitForPassMs('15m', minute, 1)).toBe(12.5 * minute)
  expect(waitForPassMs('1m', hour, 0)).toBe(1_000)
})

test('what no feed tells of is compared every few minutes, less often where that takes long', () => {
  const facts = { everyMs: 7 * day, tookMs: 1_000, onlyCompared: false, random: 0.5 }
  expect(nextEnumerationMs({ ...facts, followed: true })).toBe(7 * day)
  expect(nextEnumerationMs({ ...facts, followed: false })).toBe(limits.compareEveryMinMs)
  expect(nextEnumerationMs({ ...facts, tookMs: hour, followed: false })).toBe(5 * hour)
  expect(nextEnumerationMs({ ...facts, everyMs: hour, tookMs: hour, followed: false })).toBe(hour)
})

test('what is only ever compared takes at most a fifth of the time', () => {
  const facts = { everyMs: hour, followed: true, onlyCompared: true, random: 0.5 }
  expect(nextEnumerationMs({ ...facts, tookMs: minute })).toBe(hour)
  expect(nextEnumerationMs({ ...facts, tookMs: hour })).toBe(5 * hour)
})

test('a back-off doubles up to its bound', () => {
  expect([0, 1, 2, 50].map((attempts) => backoffMs(attempts, 5, 100))).toEqual([5, 10, 20, 100])
})
