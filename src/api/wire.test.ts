import { expect, test } from 'vitest'
import { toWire } from './wire.ts'

test('names change at every depth, those of users and providers do not', () => {
  const at = new Date('2026-01-02T03:04:05.678Z')
  expect(
    toWire({
      streamId: 'a',
      counts: { lastIdx: 1 },
      metadata: { camelCase: { innerKey: 1 } },
      list: [{ createdAt: at }],
      none: null,
      left: undefined,
    }),
  ).toEqual({
    stream_id: 'a',
    counts: { last_idx: 1 },
    metadata: { camelCase: { innerKey: 1 } },
    list: [{ created_at: '2026-01-02T03:04:05.678Z' }],
    none: null,
  })
})
