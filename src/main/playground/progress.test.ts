import { expect, test } from 'vitest'
import { createProgress, type SyncView } from './progress.ts'

const collection = (id: string, phase: string, records: number, lag: number | null = null) => ({
  collection_id: id,
  phase,
  records_seen: records,
  progress: null,
  lag_seconds: lag,
  expected_lag_seconds: null,
  last_error: null,
})

const sync = (...collections: SyncView['collections']): SyncView => ({
  name: 'a',
  status: 'active',
  health: { status: 'healthy', checks: [{ status: 'healthy', message: 'All is well.' }] },
  collections,
})

test('a collection shows its phase, records, rate and lag, and what needs a look stands on top', () => {
  const progress = createProgress()
  progress.see([sync(collection('x:a', 'live', 10, 2), collection('x:b', 'backfilling', 0))], 0)
  progress.see(
    [sync(collection('x:a', 'live', 10, 2), collection('x:b', 'backfilling', 4_000))],
    4_000,
  )
  const rows = progress.table(20).map((line) => line.trim().split(/ {2,}/))
  expect(rows[0]).toEqual(['collection', 'phase', 'records', 'rate', 'lag'])
  expect(rows[1]).toEqual(['x:b', 'backfilling', '4,000', '632/s'])
  expect(rows[2]).toEqual(['x:a', 'live', '10', '0/s', '2 s'])
  expect(progress.sentence()).toBe('1 of 2 collections live · 4,010 records · 632/s · lag 2 s')
  expect(progress.moving()).toBe(true)
})

test('a lag that is as expected is none', () => {
  const progress = createProgress()
  const one = { ...collection('x:a', 'live', 10, 40), expected_lag_seconds: 60 }
  progress.see([sync(one)], 0)
  expect(progress.sentence()).toContain('lag 0 s')
  expect(progress.table(20).join()).toContain('40 of 60 s')
  progress.see([sync({ ...one, lag_seconds: 70 })], 1_000)
  expect(progress.sentence()).toContain('lag 70 s')
})

test('the rate comes to the true one, and back to nothing at rest', () => {
  const progress = createProgress()
  for (let second = 0; second < 30; second++) {
    progress.see([sync(collection('x:a', 'live', second * 100))], second * 1_000)
  }
  expect(progress.sentence()).toContain('100/s')
  for (let second = 30; second < 60; second++) {
    progress.see([sync(collection('x:a', 'live', 2_900))], second * 1_000)
  }
  expect(progress.sentence()).toContain(' 0/s')
})

test('in a small terminal the table is cut, and says so', () => {
  const progress = createProgress()
  progress.see([sync(...Array.from({ length: 16 }, (_, i) => collection(`x:${i}`, 'live', i)))], 0)
  expect(progress.table(20)).toHaveLength(18)
  const small = progress.table(8)
  expect(small).toHaveLength(8)
  expect(small.at(-2)).toBe('  and 11 more')
})

test('what health finds wrong stands under the table', () => {
  const progress = createProgress()
  const ill = sync(collection('x:a', 'blocked', 0))
  ill.health.checks.push({ status: 'error', message: 'The credential is refused.' })
  progress.see([ill], 0)
  expect(progress.table(20)).toContain('  ! The credential is refused.')
})
