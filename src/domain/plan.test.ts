import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from './limits.ts'
import type { CollectionFacts } from './plan.ts'
import { leftOf, planOf, splitPoints } from './plan.ts'

const day = 86_400_000
const live = (collectionId: string, more: Partial<CollectionFacts> = {}): CollectionFacts => ({
  collectionId,
  backfilled: true,
  enumerating: false,
  enumerateDueInMs: 7 * day,
  blocked: false,
  ...more,
})

describe('what a sync reads next', () => {
  test.each([
    {
      name: 'nothing, while nothing is due',
      given: [live('a', { enumerateDueInMs: 5_000 })],
      begin: [],
      read: [],
      nextDueInMs: 5_000,
    },
    {
      name: 'what is due begins',
      given: [live('a', { enumerateDueInMs: 0 })],
      begin: ['a'],
      read: ['a'],
      nextDueInMs: day,
    },
    {
      name: 'what is under way goes on, and does not begin again',
      given: [live('a', { enumerating: true, enumerateDueInMs: null })],
      begin: [],
      read: ['a'],
      nextDueInMs: day,
    },
    {
      name: 'a resync begins again what is under way',
      given: [live('a', { enumerating: false, enumerateDueInMs: 0, backfilled: false })],
      begin: ['a'],
      read: ['a'],
      nextDueInMs: day,
    },
    {
      name: 'a blocked collection is left to the probe',
      given: [live('a', { enumerateDueInMs: 0, blocked: true })],
      begin: [],
      read: [],
      nextDueInMs: day,
    },
    {
      name: 'what the stream has never seen whole comes first',
      given: [
        live('a', { enumerateDueInMs: 0 }),
        live('b', { enumerateDueInMs: 0, backfilled: false }),
      ],
      begin: ['b', 'a'],
      read: ['b', 'a'],
      nextDueInMs: day,
    },
    {
      name: 'no collection at all: look again in a day',
      given: [],
      begin: [],
      read: [],
      nextDueInMs: day,
    },
  ])('$name', ({ given, begin, read, nextDueInMs }) => {
    expect(planOf(given)).toEqual({ begin, read, nextDueInMs })
  })

  test('an answer names no more than its limit', () => {
    const many = Array.from({ length: 100 }, (_, at) => live(`c${at}`, { enumerateDueInMs: 0 }))
    expect(planOf(many).read).toHaveLength(limits.collectionsInPlan)
  })
})

describe('cutting a range', () => {
  test('of known depth: in the middle of what is left', () => {
    expect(splitPoints({ loMs: 0, oldestMs: 100 * day, pageSpanMs: day }, 1)).toEqual([50 * day])
  })

  test('of unknown depth: some pages of the present density stay', () => {
    expect(splitPoints({ loMs: null, oldestMs: 100 * day, pageSpanMs: day }, 1)).toEqual([84 * day])
  })

  test('not where little is left', () => {
    expect(splitPoints({ loMs: 0, oldestMs: limits.rangeSpanMinMs, pageSpanMs: 1 }, 9)).toEqual([])
    expect(splitPoints({ loMs: 0, oldestMs: 3 * day, pageSpanMs: day }, 9)).toEqual([])
  })

  test('as many parts as there are readers, and none of less than two pages', () => {
    const facts = { loMs: 0, oldestMs: 12 * day, pageSpanMs: day }
    expect(splitPoints(facts, 3)).toEqual([9 * day, 6 * day, 3 * day])
    expect(splitPoints(facts, 50)).toHaveLength(5)
  })

  test('of unknown depth each part is twice as long as the newer one', () => {
    const facts = { loMs: null, oldestMs: 20_000 * day, pageSpanMs: day }
    const points = [16, 48, 112, 240].map((days) => (20_000 - days) * day)
    expect(splitPoints(facts, 3)).toEqual(points.slice(0, 2))
    expect(splitPoints(facts, 16)).toEqual(points)
  })

  test('always leaves something on both sides of each cut', () => {
    const facts = fc.record({
      loMs: fc.option(fc.integer({ min: 0, max: 2 ** 40 })),
      oldestMs: fc.integer({ min: 0, max: 2 ** 41 }),
      pageSpanMs: fc.integer({ min: 0, max: 2 ** 35 }),
    })
    fc.assert(
      fc.property(facts, fc.integer({ min: 1, max: 30 }), (given, idle) => {
        const points = splitPoints(given, idle)
        expect(points.length).toBeLessThanOrEqual(idle)
        let newer = given.oldestMs
        for (const point of points) {
          expect(point).toBeLessThan(newer)
          expect(point).toBeGreaterThan(given.loMs ?? 0)
          expect(point % 1_000).toBe(0)
          newer = point
        }
      }),
    )
  })

  test('a range without a bound counts as the largest', () => {
    expect(leftOf({ loMs: null, oldestMs: 5 })).toBe(Infinity)
    expect(leftOf({ loMs: 3, oldestMs: 5 })).toBe(2)
    expect(leftOf({ loMs: 7, oldestMs: 5 })).toBe(0)
  })
})
