// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, expect, test } from 'vitest'
import { idsOf, openCounter, tokensOf } from '../../test/support/counter.ts'
import type { Scene } from '../../test/support/counter.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { patchConsumer, resetConsumer } from './consumers.ts'
import { dropDeadLetters, listDeadLetters, redeliverDeadLetters } from './deadLetters.ts'

const database = await createTestDatabase()
const { dispatcher, setUp, put, next, timePasses, countsHold, close } = openCounter(database)
afterAll(async () => {
  await close()
  await database[Symbol.asyncDispose]()
})

const { deliver } = database.pools

async function dead({ consumer }: Scene): Promise<string[]> {
  const { rows } = await listDeadLetters(deliver, consumer, { limit: 10, cursor: null })
  return rows.map(
    ({ recordJson }) => (JSON.parse(recordJson) as { upstream_id: string }).upstream_id,
  )
}

test('G7: what ran out at max_deliver is a dead letter, though no worker calls any more', async () => {
  const acts = [
    async (scene: Scene) => expect(await dead(scene)).toEqual(['a']),
    async ({ consumer }: Scene) =>
      expect(await redeliverDeadLetters(deliver, consumer, null)).toBe(1),
    async ({ consumer }: Scene) => expect(await dropDeadLetters(deliver, consumer, null)).toBe(1),
  ]
  for (const act of acts) {
    const scene = await setUp({ maxDeliver: 1, ackWaitMs: 1000 })
    await put(scene, ['a'])
    await next(scene)
    await timePasses(scene, 1001)
    await act(scene)
    await countsHold(scene)
  }
})

test('G7: a max_deliver that was lowered counts for what waits already', async () => {
  const scene = await setUp({ maxDeliver: 5 })
  const { sql } = database
  await put(scene, ['a', 'b'])
  await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), null)
  await patchConsumer(sql, scene.stream.tenantId, scene.consumer.id, { maxDeliver: 1 }, null)
  await put(scene, ['c'])
  expect(idsOf(await next(scene))).toEqual(['c'])
  expect(await dead(scene)).toEqual(['a', 'b'])
  await countsHold(scene)
})

test('a dead letter that a newer version has superseded is not counted as delivered again', async () => {
  const scene = await setUp({ maxDeliver: 1 })
  await put(scene, ['a', 'b'])
  await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), null)
  await put(scene, ['a'], 1)
  expect(await dead(scene)).toEqual(['b'])
  expect(await redeliverDeadLetters(deliver, scene.consumer, null)).toBe(1)
  expect(idsOf(await next(scene)).toSorted()).toEqual(['a', 'b'])
  await countsHold(scene)
})

test('dead letters that a reset brings again are none any more, those behind it stay', async () => {
  const scene = await setUp({ maxDeliver: 1 })
  const { tenantId } = scene.stream
  await put(scene, ['a', 'b'])
  await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), null)
  await resetConsumer(database.sql, tenantId, scene.consumer.id, { from_idx: 2 })
  expect(await dead(scene)).toEqual(['a'])
  await dispatcher.ack(scene.consumer, tokensOf(await next(scene)))
  expect(await redeliverDeadLetters(deliver, scene.consumer, null)).toBe(1)
  expect(idsOf(await next(scene))).toEqual(['a'])
})
