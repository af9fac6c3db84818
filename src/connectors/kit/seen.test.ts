import { expect, test } from 'vitest'
import { countOf, hasOther, hasSeen, markOf, remember, secondOfNewest, type Seen } from './seen.ts'

test('an event is known again, in its own second only', () => {
  const seen = remember({}, [markOf(10, 'evt_1', 'customer cus_1')], 0)
  expect(hasSeen(seen, markOf(10, 'evt_1', 'customer cus_1'))).toBe(true)
  expect(hasSeen(seen, markOf(11, 'evt_1', 'customer cus_1'))).toBe(false)
  expect(hasSeen(seen, markOf(10, 'evt_2', 'customer cus_1'))).toBe(false)
})

test('another event of the object in its second is known, the event itself is none', () => {
  const one = markOf(10, 'evt_1', 'customer cus_1')
  const seen = remember({}, [one], 0)
  expect(hasOther(seen, one)).toBe(false)
  expect(hasOther(seen, markOf(10, 'evt_2', 'customer cus_1'))).toBe(true)
  expect(hasOther(seen, markOf(10, 'evt_2', 'customer cus_2'))).toBe(false)
})

test('thousands in one second are told apart', () => {
  const marks = Array.from({ length: 3_000 }, (_, at) =>
    markOf(10, `evt_${at}`, `customer cus_${at}`),
  )
  const seen = remember({}, marks, 0)
  expect(marks.every((mark) => hasSeen(seen, mark))).toBe(true)
  const others = Array.from({ length: 3_000 }, (_, at) =>
    markOf(10, `evt_x${at}`, `customer cus_${at}`),
  )
  expect(others.some((mark) => hasSeen(seen, mark))).toBe(false)
})

test('what is too old is forgotten by whole seconds; of what is too much the number stays', () => {
  let seen: Seen = {}
  const marksOf = (second: number, count = 100) =>
    Array.from({ length: count }, (_, at) => markOf(second, `evt_${second}_${at}`, 'o'))
  for (let second = 0; second < 50; second++) seen = remember(seen, marksOf(second), second - 40)
  expect(Object.keys(seen).map(Number)).toEqual(Array.from({ length: 41 }, (_, at) => at + 9))
  expect([seen[19], typeof seen[20], countOf(seen)]).toEqual([100, 'string', 4_100])
  expect(Object.keys(remember(seen, [], 45))).toEqual(['45', '46', '47', '48', '49'])
  expect(secondOfNewest(seen, 150)).toBe(48)
  expect(secondOfNewest(seen, 5_000)).toBe(20)
  expect(secondOfNewest(remember(seen, [], 45), 5_000)).toBeNull()
})

test('a second of which only the number is known holds nothing new until it holds more', () => {
  const marks = [1, 2, 3].map((at) => markOf(10, `evt_${at}`, 'o'))
  const seen = remember(remember({}, marks.slice(0, 2), 0), [markOf(11, 'evt_9', 'o')], 0, 1)
  expect(seen[10]).toBe(2)
  expect(hasSeen(seen, marks[2]!, 2)).toBe(true)
  expect(marks.map((mark) => hasSeen(seen, mark, 3))).toEqual([false, false, false])
  expect(hasSeen(seen, marks[0]!)).toBe(false)
  expect(hasOther(seen, marks[0]!)).toBe(true)
  expect(remember(seen, marks, 0, 1)[10]).toBe(3)
})

test('the newest second keeps its marks, however many they are', () => {
  const marks = Array.from({ length: 20 }, (_, at) => markOf(10, `evt_${at}`, 'o'))
  const seen = remember({}, marks, 0, 5)
  expect(marks.every((mark) => hasSeen(seen, mark))).toBe(true)
})
