import { expect, test } from 'vitest'
import { erasedHash, goneHash, hash } from './hash.ts'

test('an object has one hash, however it is indented and whatever the order of its keys', () => {
  expect(hash('{"a":1,"b":[1,2]}', [])).toBe(hash(' {\n "b" : [ 1, 2 ], "a" : 1 }', []))
})

test('what differs in a digit, in the order of a list or in a key has another', () => {
  const all = [
    '{"a":1}',
    '{"a":2}',
    '{"a":[1,2]}',
    '{"a":[2,1]}',
    '{"b":1}',
    '{"a":9007199254740993}',
    '{"a":9007199254740992}',
  ]
  expect(new Set(all.map((raw) => hash(raw, []))).size).toBe(all.length)
})

test('volatile keys count for nothing', () => {
  expect(hash('{"a":1,"url":"x"}', ['url'])).toBe(hash('{"url":"y","a":1}', ['url']))
  expect(hash('{"a":1,"url":"x"}', [])).not.toBe(hash('{"a":1,"url":"y"}', []))
})

test('it is a uuid, and none of those that mean a delete', () => {
  expect(hash('{}', [])).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect([goneHash, erasedHash]).not.toContain(hash('{}', []))
})

test('what is no JSON has none', () => {
  expect(() => hash('{"a":', [])).toThrow(Error)
})
