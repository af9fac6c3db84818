import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalOf } from './canonical.ts'
import { canonical } from './rawJson.ts'

/** Keys and numbers that JavaScript orders or prints in its own way stand beside plain ones. */
const key = fc.oneof(
  fc.constantFrom('id', 'object', 'a', 'a b', 'a!', 'a"', 'ab', '', '10', '2', '01', '__proto__'),
  fc.constantFrom('toJSON', 'constructor', 'a\\', 'a\u0001', 'é', '\ud800', '\u2028', 'b,c', 'b'),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const number = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom('-0', '0', '0.0', '1.0', '1e3', '1E+2', '-1.50', '9007199254740993', '0e1'),
  fc.constantFrom('999999999999999', '1000000000000000', '1e400', '123456789012345678901234'),
)
const string = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\u00e9\\/"', '"3.5"', '": 1.5"', '"\\ud800"', '"v1.2,3"'),
)
const space = fc.constantFrom('', ' ', '\n  ', '\t')
const { text } = fc.letrec<{ text: string; list: string; object: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 4 },
    number,
    string,
    fc.constantFrom('true', 'null'),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(fc.array(tie('text'), { maxLength: 4 }), space)
    .map(([all, gap]) => `[${gap}${all.join(`${gap},`)}${gap}]`),
  object: fc
    .tuple(fc.array(fc.tuple(key, tie('text')), { maxLength: 8 }), space)
    .map(
      ([all, gap]) =>
        `{${gap}${all.map(([name, value]) => `${JSON.stringify(name)}${gap}:${gap}${value}`).join(`,${gap}`)}${gap}}`,
    ),
}))

test('it is the canonical text, whatever the JSON', () => {
  fc.assert(
    fc.property(text, fc.array(key, { maxLength: 2 }), (json, volatile) => {
      expect(canonicalOf(json, volatile)).toBe(canonical(json, volatile))
    }),
    { numRuns: 3_000 },
  )
})

test('of plain JSON it is the canonical text too', () => {
  const plain = fc.jsonValue({ depthSize: 'small', noUnicodeString: true })
  fc.assert(
    fc.property(plain, (value) => {
      const json = JSON.stringify(value, null, 2)
      expect(canonicalOf(json, [], JSON.parse(json))).toBe(canonical(json, []))
    }),
  )
})

test('objects with the same names in another order, and many shapes of one size, stay apart', () => {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 40; i++) {
      const json = `{"z":${i},"k${i}":{"b":1,"a":"x"},"a":[{"d":1,"c":2}]}`
      expect(canonicalOf(json, [])).toBe(canonical(json, []))
    }
  }
})

test('a value of any depth is read', () => {
  const json = '['.repeat(20_000) + '{"b":1,"a":2}' + ']'.repeat(20_000)
  expect(canonicalOf(json, [])).toBe(canonical(json, []))
})

test('what is no JSON throws', () => {
  expect(() => canonicalOf('{"a":', [])).toThrow(Error)
})
