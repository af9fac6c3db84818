import { expect, test } from 'vitest'
import { createCircleCheck } from './endless.ts'

test.each([
  ['the same cursor again', 0, 1],
  ['a circle of two', 0, 2],
  ['a long circle after a long way', 1_000, 700],
])('%s is noticed', (_, before, length) => {
  const inCircle = createCircleCheck(null)
  let steps = 0
  const cursor = () =>
    steps < before ? { after: steps } : { after: `c${(steps - before) % length}` }
  while (!inCircle(cursor())) steps += 1
  expect(steps).toBeGreaterThan(before)
  expect(steps).toBeLessThan(3 * (before + length) + 3)
})

test('a walk that goes on is none, however long', () => {
  const inCircle = createCircleCheck({ after: 0 })
  for (let after = 1; after < 50_000; after++) expect(inCircle({ after })).toBe(false)
})
