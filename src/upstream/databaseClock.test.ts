import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDatabaseClock, isoMicros } from './databaseClock.ts'

test('a time of the database is never mapped to a local time before it', () => {
  const trip = fc.record({
    pauseMs: fc.double({ min: 0, max: 5000, noNaN: true }),
    thereMs: fc.double({ min: 0.1, max: 50, noNaN: true }),
    backMs: fc.double({ min: 0.1, max: 50, noNaN: true }),
  })
  const offset = fc.double({ min: -1e6, max: 1e12, noNaN: true })
  fc.assert(
    fc.property(fc.array(trip, { minLength: 1, maxLength: 30 }), offset, (trips, offsetMs) => {
      const clock = createDatabaseClock()
      let local = 0
      let best = Infinity
      for (const { pauseMs, thereMs, backMs } of trips) {
        const sentMs = local + pauseMs
        local = sentMs + thereMs + backMs
        clock.note(sentMs + thereMs + offsetMs, sentMs, local)
        best = Math.min(best + (pauseMs + thereMs + backMs) * 0.002, thereMs + backMs)
        const roundingMs = 0.001
        expect(clock.localMs(local + offsetMs)).toBeGreaterThanOrEqual(local - roundingMs)
        expect(clock.databaseMs(local)).toBeLessThanOrEqual(local + offsetMs + roundingMs)
        expect(clock.uncertaintyMs()).toBeLessThanOrEqual(best + roundingMs)
      }
    }),
  )
})

test('a clock that was set is followed at once', () => {
  const clock = createDatabaseClock()
  clock.note(1_000_000, 10, 12)
  clock.note(2_000_000, 20, 22)
  expect(clock.localMs(2_000_000)).toBe(22)
})

test('times are written with microseconds', () => {
  expect(isoMicros(Date.UTC(2026, 10, 24, 6, 0, 0) + 123.456)).toBe('2026-11-24T06:00:00.123456Z')
  expect(isoMicros(Date.UTC(2026, 10, 24, 6, 0, 0))).toBe('2026-11-24T06:00:00.000000Z')
})
