import { expect, test } from 'vitest'
import { compare, comparisonTable, isEqual } from './compare.ts'

const texts = (entries: Record<string, string>) => new Map(Object.entries(entries))

test('the same data in another spacing and order are equal', () => {
  const result = compare(
    'x:a',
    texts({ a: '{"id":"a","n":1.0}' }),
    texts({ a: '{ "n": 1.0, "id": "a" }' }),
    [],
  )
  expect(isEqual([result])).toBe(true)
})

test('a missing, an extra and a different record are told apart', () => {
  const account = texts({ a: '{"n":1}', b: '{"n":2}', c: '{"n":3}' })
  const stream = texts({ a: '{"n":1}', b: '{"n":9}', d: '{}' })
  const result = compare('x:a', account, stream, [])
  expect(result).toMatchObject({
    missing: ['c'],
    extra: ['d'],
    different: ['b'],
    account: 3,
    stream: 3,
  })
  expect(isEqual([result])).toBe(false)
  expect(comparisonTable([result]).join('\n')).toContain('x:a: missing c; extra d; different b')
})

test('numbers beyond 2^53 are compared to the digit', () => {
  const result = compare(
    'x:a',
    texts({ a: '{"n":9007199254740993}' }),
    texts({ a: '{"n":9007199254740992}' }),
    [],
  )
  expect(result.different).toEqual(['a'])
})

test('what is volatile does not count', () => {
  const result = compare(
    'x:a',
    texts({ a: '{"n":1,"url":"x"}' }),
    texts({ a: '{"n":1,"url":"y"}' }),
    ['url'],
  )
  expect(isEqual([result])).toBe(true)
})
