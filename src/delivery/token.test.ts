import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeToken, encodeToken } from './token.ts'

const int8 = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String)
const least = -(2n ** 63n)
const most = 2n ** 63n - 1n

test('a token survives the round trip, is safe in a URL and always as long', () => {
  fc.assert(
    fc.property(
      fc.record({
        consumerNo: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        recordNo: int8(1n, most),
        op: int8(1n, most),
        nonce: int8(least, most),
      }),
      (token) => {
        const text = encodeToken(token)
        expect(text).toMatch(/^[A-Za-z0-9_-]{38}$/)
        expect(decodeToken(text)).toEqual(token)
      },
    ),
  )
})

test('G6: garbage is no token, and no error', () => {
  fc.assert(fc.property(fc.string(), (text) => decodeToken(text) === null))
  expect(decodeToken('A'.repeat(38))).toBeNull()
  expect(
    decodeToken(encodeToken({ consumerNo: 1, recordNo: '1', op: String(least), nonce: '1' })),
  ).toBeNull()
})
