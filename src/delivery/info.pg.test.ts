// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, expect, test } from 'vitest'
import { idsOf, openCounter, tokensOf } from '../../test/support/counter.ts'
import type { Scene } from '../../test/support/counter.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { patchConsumer } from './consumers.ts'
import { consumerInfo } from './info.ts'

const database = await createTestDatabase()
const { dispatcher, setUp, put, next, timePasses, close } = openCounter(database)
afterAll(async () => {
  await close()
  await database[Symbol.asyncDispose]()
})

const many = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `r${from + i}`)
const told = ({ info }: Awaited<ReturnType<typeof next>>) => [info.numPending, info.numAckPending]
const fixed = async ({ consumer }: Scene) => {
  const { numPending, capped } = await consumerInfo(database.sql, consumer.consumerNo)
  return { numPending, capped }
}

async function skip({ stream }: Scene, positions: number): Promise<void> {
  await database.sql`
    update stream_head set last_idx = last_idx + ${positions} where stream_no = ${stream.streamNo}`
}

test.each([{}, { filters: { provider: 'acme' } }])(
  'what lies behind millions of numbers that nobody has is pending (%o)',
  async (settings) => {
    const scene = await setUp(settings)
    await put(scene, ['a'])
    await skip(scene, 5_000_000)
    await put(scene, ['b', 'c'])
    expect(await fixed(scene)).toEqual({ numPending: 3, capped: false })
    expect(told(await next(scene, 1))).toEqual([2, 1])
  },
)

test('what nobody can count at a bounded cost is said to be capped', async () => {
  const scene = await setUp({ filters: { provider: 'other' } })
  await put(scene, ['a'])
  for (let lap = 0; lap < 50; lap++) {
    await skip(scene, 20_000)
    await put(scene, [`b${lap}`])
  }
  expect(await fixed(scene)).toEqual({ numPending: 0, capped: true })
})

test('what waits for redelivery is pending, and out only once', async () => {
  const scene = await setUp({ ackWaitMs: 5000 })
  await put(scene, many(10))
  const out = await next(scene, 10)
  expect(told(out)).toEqual([0, 10])
  await dispatcher.nack(scene.consumer, tokensOf(out).slice(0, 4), 60_000)
  expect(await fixed(scene)).toEqual({ numPending: 4, capped: false })
  await timePasses(scene, 5001)
  expect(told(await next(scene, 1))).toEqual([9, 1])
})

test('no worker is told that nothing is left while something came meanwhile', async () => {
  const scene = await setUp()
  await put(scene, many(1))
  expect(told(await next(scene, 1))).toEqual([0, 1])
  // the word of it may still be on its way
  await put(scene, many(20, 1))
  expect(told(await next(scene, 1))).toEqual([19, 2])
  const waiting = next(scene, 19, 5000)
  expect(told(await waiting)).toEqual([0, 21])
})

test('from a count that is capped nothing is taken away', async () => {
  const scene = await setUp()
  for (let at = 0; at < 12; at++) await put(scene, many(1000, at * 1000))
  expect(await fixed(scene)).toEqual({ numPending: 10_000, capped: true })
  for (let taken = 0; taken < 2; taken++) {
    const answer = await next(scene, 900)
    await dispatcher.ack(scene.consumer, tokensOf(answer))
    expect(answer.info.numPending).toBe(10_000)
  }
})

test('changed filters count at once', async () => {
  const scene = await setUp()
  await put(scene, many(10))
  expect(told(await next(scene, 1))).toEqual([9, 1])
  const { consumer, stream } = scene
  const filters = { external_id: 'nobody' }
  await patchConsumer(database.sql, stream.tenantId, consumer.id, { filters }, null)
  dispatcher.changed(stream.tenantId, consumer)
  const answer = await next(scene, 1)
  expect([idsOf(answer), ...told(answer)]).toEqual([[], 0, 1])
})
