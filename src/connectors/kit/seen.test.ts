import { expect, test } from 'vitest'
import { hasOther, hasSeen, markOf, remember, secondOfNewest, type Seen } from './seen.ts'

test('an event is known again, in its own second only', () => {
  const { seen } = remember({}, [markOf(10, 'evt_1', 'customer cus_1')], 0)
  expect(hasSeen(seen, markOf(10, 'evt_1', 'customer cus_1'))).toBe(true)
  expect(hasSeen(seen, markOf(11, 'evt_1', 'customer cus_1'))).toBe(false)
  expect(hasSeen(seen, markOf(10, 'evt_2', 'customer cus_1'))).toBe(false)
})

test('another event of the object in its second is known, the event itself is none', () => {
  const one = markOf(10, 'evt_1', 'customer cus_1')
  const { seen } = remember({}, [one], 0)
  expect(hasOther(seen, one)).toBe(false)
  expect(hasOther(seen, markOf(10, 'evt_2', 'customer cus_1'))).toBe(true)
  expect(hasOther(seen, markOf(10, 'evt_2', 'customer cus_2'))).toBe(false)
})

test('thousands in one second are told apart', () => {
  const marks = Array.from({ length: 3_000 }, (_, at) =>
    markOf(10, `evt_${at}`, `customer cus_${at}`),
  )
  const { seen } = remember({}, marks, 0)
  expect(marks.every((mark) => hasSeen(seen, mark))).toBe(true)
  const others = Array.from({ length: 3_000 }, (_, at) =>
    markOf(10, `evt_x${at}`, `customer cus_${at}`),
  )
  expect(others.some((mark) => hasSeen(seen, mark))).toBe(false)
})

test('what is too old or too much is forgotten by whole seconds, and said to be', () => {
  let seen: Seen = {}
  let since = 0
  for (let second = 0; second < 50; second++) {
    const marks = Array.from({ length: 100 }, (_, at) => markOf(second, `evt_${second}_${at}`, 'o'))
    ;({ seen, since } = remember(seen, marks, second - 100))
  }
  expect([Object.keys(seen).length, since]).toEqual([30, 20])
  expect(remember(seen, [], 45)).toMatchObject({ since: 45 })
  expect(Object.keys(remember(seen, [], 45).seen)).toEqual(['45', '46', '47', '48', '49'])
  expect(secondOfNewest(seen, 150)).toBe(48)
  expect(secondOfNewest(seen, 5_000)).toBeNull()
})
