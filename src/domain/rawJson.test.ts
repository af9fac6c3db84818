import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonical, elements, member, replaceMember } from './rawJson.ts'

const documents = fc.jsonValue({ maxDepth: 5 })

test('elements, member and replaceMember leave the exact text', () => {
  const text =
    ' {"data" : [ {"n": 9007199254740993}, {"n":1.0 }, "\\u0000", 1e400 ] , "has_more":false } '
  expect(elements(text, ['data'])).toEqual([
    '{"n": 9007199254740993}',
    '{"n":1.0 }',
    '"\\u0000"',
    '1e400',
  ])
  expect(member(text, ['has_more'])).toBe('false')
  expect(member(text, [])).toBe(text.trim())
  expect(member(text, ['data', 'n'])).toBeUndefined()
  expect(member(text, ['none'])).toBeUndefined()
  expect(replaceMember(text, ['has_more'], 'true')).toBe(text.replace('false', 'true'))
})

test('an escaped key is found, and the last of two equal keys counts', () => {
  expect(member('{"\\u0064ata":1}', ['data'])).toBe('1')
  expect(member('{"a\\\\b":2}', ['a\\b'])).toBe('2')
  expect(member('{"a\\\\b":2}', ['a\\\\b'])).toBeUndefined()
  expect(member('{"a":1,"a":{"b":2},"c":3}', ['a', 'b'])).toBe('2')
  expect(replaceMember('{"a":1,"a":2}', ['a'], '3')).toBe('{"a":1,"a":3}')
})

test('elements of something else than an array is an error, never an empty list', () => {
  expect(() => elements('{"error":{}}', ['data'])).toThrow('an array at data')
  expect(() => elements('{"data":null}', ['data'])).toThrow('an array at data')
})

test('strings of every length and with every run of backslashes end where they end', () => {
  for (let length = 0; length < 60; length++) {
    for (const run of ['', '\\', '\\\\', '\\\\\\', '"', '\\"', '"\\', '\ud83d\ude00']) {
      const value = 'x'.repeat(length) + run + 'y'.repeat(length % 3)
      const raw = JSON.stringify(value)
      expect(elements(`[${raw},${raw}]`, [])).toEqual([raw, raw])
    }
  }
})

test('elements and member agree with JSON.parse for every document, however indented', () => {
  fc.assert(
    fc.property(fc.array(documents), fc.integer({ min: 0, max: 3 }), (list, indent) => {
      const text = JSON.stringify({ 'other"': list, data: list }, null, indent)
      expect(elements(text, ['data']).map((raw) => JSON.parse(raw) as unknown)).toEqual(
        JSON.parse(JSON.stringify(list)),
      )
    }),
  )
  fc.assert(
    fc.property(fc.dictionary(fc.string(), documents), (object) => {
      const text = JSON.stringify(object, null, 1)
      for (const [key, value] of Object.entries(object)) {
        const raw = member(text, [key])
        expect(raw && JSON.parse(raw)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(JSON.parse(replaceMember(text, [key], '"new"'))).toEqual({
          ...JSON.parse(text),
          [key]: 'new',
        })
      }
    }),
  )
})

test('canonical is equal for documents that differ in white space, key order and escapes only', () => {
  fc.assert(
    fc.property(documents, fc.integer(), fc.integer({ min: 0, max: 3 }), (value, seed, indent) => {
      const text = JSON.stringify(value)
      const other = print(value, seed, ' '.repeat(indent))
      expect(JSON.parse(other)).toEqual(JSON.parse(text))
      expect(canonical(other, [])).toBe(canonical(text, []))
      expect(JSON.parse(canonical(other, []))).toEqual(JSON.parse(text))
    }),
    { numRuns: 300 },
  )
})

test('canonical differs for different documents and is its own canonical form', () => {
  fc.assert(
    fc.property(documents, documents, (a, b) => {
      const [left, right] = [canonical(JSON.stringify(a), []), canonical(JSON.stringify(b), [])]
      expect(left === right).toBe(JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)))
      expect(canonical(left, [])).toBe(left)
    }),
    { numRuns: 300 },
  )
})

test('canonical keeps number tokens: 1.0 is not 1, and 64-bit numbers stay apart', () => {
  expect(canonical('{"n": 1.0}', [])).toBe('{"n":1.0}')
  expect(canonical('[9007199254740993]', [])).not.toBe(canonical('[9007199254740992]', []))
  expect(canonical(' -1.50E+3 ', [])).toBe('-1.50E+3')
})

test('canonical escapes one way: NUL, slashes, astral characters, lone surrogates', () => {
  expect(canonical('"\\u0000"', [])).toBe('"\\u0000"')
  expect(canonical('"a\\/b\\u00e9\\ud83d\\ude00"', [])).toBe('"a/bé😀"')
  expect(canonical('{"\\u0061":"\\t"}', [])).toBe('{"a":"\\t"}')
  expect(canonical('"\ud800"', [])).toBe('"\\ud800"')
  expect(canonical('["\ud800"]', [])).toBe(canonical('["\\uD800"]', []))
})

test('canonical takes the last of equal keys', () => {
  expect(canonical('{"a":1,"b":2,"a":3}', [])).toBe('{"a":3,"b":2}')
  expect(canonical('{"a":1,"\\u0061":3}', [])).toBe('{"a":3}')
  const many = Array.from({ length: 300 }, (_, at) => `"k${at % 150}":${at}`).join(',')
  expect(JSON.parse(canonical(`{${many}}`, []))).toEqual(JSON.parse(`{${many}}`))
})

test('canonical leaves volatile keys out at the top only', () => {
  const text = '{"url":"a","deep":{"url":"b"},"list":[{"url":"c"}]}'
  expect(canonical(text, ['url'])).toBe('{"deep":{"url":"b"},"list":[{"url":"c"}]}')
  expect(canonical('{"u\\u0072l":1}', ['url'])).toBe('{}')
  expect(canonical('[{"url":1}]', ['url'])).toBe('[{"url":1}]')
})

test('ten thousand levels of nesting and a string of 10 MB pass', () => {
  const deep = '{"a": ['.repeat(10_000) + '1, 2' + '] }'.repeat(10_000)
  expect(canonical(deep, [])).toBe(deep.replaceAll(' ', ''))
  expect(elements(`[${deep}]`, [])).toEqual([deep])
  const long = JSON.stringify({ b: 'x"\\'.repeat(3_500_000), a: 1 })
  expect(canonical(long, []).length).toBe(long.length)
  expect(member(long, ['a'])).toBe('1')
})

test('text that is cut short is an error', () => {
  for (const text of ['{"a":', '["a', '[1,', '{"a"', '', '[1 2]', '{"a":1']) {
    expect(() => canonical(text, [])).toThrow()
  }
})

/** The value as another program might print it. */
function print(value: unknown, seed: number, space: string): string {
  if (typeof value === 'string') {
    const chars = Array.from({ length: value.length }, (_, at) => {
      const code = value.charCodeAt(at)
      const escape = (seed + at) % 3 === 0 || code < 32 || code === 34 || code === 92
      return escape ? `\\u${code.toString(16).padStart(4, '0')}` : value[at]
    })
    return `"${chars.join('')}"`
  }
  if (Array.isArray(value)) {
    return `[${space}${value.map((item) => print(item, seed + 1, space)).join(`${space},\n`)}]`
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, item]) => `${space}${print(key, seed, space)}${space}:\t${print(item, seed + 1, space)}`,
  )
  if (seed % 2 === 0) members.reverse()
  return `{${members.join(',\r\n')}${space}}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const)
  return { members: entries.sort(([a], [b]) => (a < b ? -1 : 1)) }
}
