import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isoTime, parseRecordId, recordId, recordJson } from './recordJson.ts'

test('the id of a record is a uuid of version 8 that tells its stream and number', () => {
  const streamNo = fc.integer({ min: 1, max: 2 ** 31 - 1 })
  const recordNo = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(streamNo, recordNo, (streamNo, recordNo) => {
      const id = recordId(streamNo, recordNo)
      expect(id).toMatch(/^[0-9a-f]{8}-0000-8000-8[0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(parseRecordId(id)).toEqual({ streamNo, recordNo })
    }),
  )
})

test('ids ascend with the record number', () => {
  const numbers = [1, 2, 15, 16, 255, 256, 2 ** 40, Number.MAX_SAFE_INTEGER]
  const ids = numbers.map((no) => recordId(7, no))
  expect(ids.toSorted()).toEqual(ids)
})

test.for([
  ['2026-01-02 03:04:05+00', '2026-01-02T03:04:05.000000Z'],
  ['2026-01-02 03:04:05.1+00', '2026-01-02T03:04:05.100000Z'],
  ['1969-12-31 23:59:59.999999+00', '1969-12-31T23:59:59.999999Z'],
  ['0044-03-15 00:00:00+00 BC', null],
  ['12026-01-01 00:00:00+00', null],
  ['infinity', null],
  [null, null],
] as const)('%j is written as %j', ([text, expected]) => {
  expect(isoTime(text)).toBe(expected)
})

test('data and source go through as they are', () => {
  const row = {
    no: '1',
    idx: '9007199254740991',
    upstreamId: '"\u2028',
    deleted: true,
    createdAt: null,
    updatedAt: null,
    insertedAt: '2026-01-02 03:04:05+00',
    data: '{ "a": 1.0 }',
  }
  const text = recordJson({ streamNo: 1, streamId: 'stream' }, '"sync_id":"s"', row)
  expect(text).toContain('"data":{ "a": 1.0 },')
  expect(JSON.parse(text)).toMatchObject({
    sync_id: 's',
    upstream_id: '"\u2028',
    updated_idx: 9_007_199_254_740_991,
  })
})
