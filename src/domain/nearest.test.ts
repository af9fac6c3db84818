import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test.each([
  ['steam_id', 'stream_id'],
  ['streamId', 'stream_id'],
  ['max-deliver', 'max_deliver'],
  ['collection_di', 'collection_id'],
  ['colection_ids', 'collection_id'],
])('%s means %s', (name, meant) => {
  expect(nearest(name, ['stream_id', 'collection_id', 'max_deliver'])).toBe(meant)
})

test('what is near nothing means nothing', () => {
  expect(nearest('password', ['stream_id', 'collection_id'])).toBeNull()
  expect(nearest('x'.repeat(1_000_000), ['stream_id'])).toBeNull()
  expect(nearest('', ['stream_id'])).toBeNull()
})
