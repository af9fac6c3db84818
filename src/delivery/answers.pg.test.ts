// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, describe, expect, test } from 'vitest'
import { idsOf, openCounter, recordsOf, tokensOf } from '../../test/support/counter.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { makeConsumer } from '../../test/support/stream.ts'
import { resetConsumer } from './consumers.ts'
import { consumerInfo } from './info.ts'
import { decodeToken } from './token.ts'

const database = await createTestDatabase()
const { dispatcher, setUp, put, next, timePasses, countsHold, close } = openCounter(database)
afterAll(async () => {
  await close()
  await database[Symbol.asyncDispose]()
})

describe('G5: one worker at a time', () => {
  test('G5: a record that is out is not delivered again, its newer version waits for the ack', async () => {
    const scene = await setUp()
    await put(scene, ['a'], 0)
    const first = await next(scene)
    await put(scene, ['a'], 1)
    expect(idsOf(await next(scene))).toEqual([])
    await dispatcher.ack(scene.consumer, tokensOf(first))
    const second = await next(scene)
    expect(recordsOf(second).map(({ data }) => data.value)).toEqual([1])
    await countsHold(scene)
  })

  test('G5: after ack_wait it is delivered again', async () => {
    const scene = await setUp({ ackWaitMs: 5000 })
    await put(scene, ['a'])
    await next(scene)
    await timePasses(scene, 4000)
    expect(idsOf(await next(scene))).toEqual([])
    await timePasses(scene, 1001)
    const again = await next(scene)
    expect(again.items.map(({ redelivered }) => redelivered)).toEqual([true])
    await countsHold(scene)
  })

  test('G5: a nacked record comes at once, or after the delay', async () => {
    const scene = await setUp()
    await put(scene, ['a'])
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), null)
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), 60_000)
    expect(idsOf(await next(scene))).toEqual([])
    await timePasses(scene, 60_001)
    expect(idsOf(await next(scene))).toEqual(['a'])
    await countsHold(scene)
  })

  test('G5: extend gives a delivery more time', async () => {
    const scene = await setUp({ ackWaitMs: 5000 })
    await put(scene, ['a'])
    const out = await next(scene)
    expect(await dispatcher.extend(scene.consumer, tokensOf(out), 60_000)).toEqual({
      extended: 1,
      stale: 0,
    })
    await timePasses(scene, 50_000)
    expect(idsOf(await next(scene))).toEqual([])
    expect(await dispatcher.ack(scene.consumer, tokensOf(out))).toEqual({ acked: 1, stale: 0 })
  })

  test('G5: a reset kills what is out and begins again', async () => {
    const scene = await setUp()
    await put(scene, ['a', 'b'])
    const out = await next(scene)
    await resetConsumer(database.sql, scene.stream.tenantId, scene.consumer.id, null)
    expect(await dispatcher.ack(scene.consumer, tokensOf(out))).toEqual({ acked: 0, stale: 2 })
    expect(idsOf(await next(scene))).toEqual(['a', 'b'])
  })
})

describe('G6: stale tokens', () => {
  test('G6: a late ack counts until the record is delivered again, then it changes nothing', async () => {
    const scene = await setUp({ ackWaitMs: 1000 })
    await put(scene, ['a', 'b'])
    const first = await next(scene)
    await timePasses(scene, 1001)
    const [a, b] = tokensOf(first)
    const again = await next(scene, 1) // one of the two is out again
    const redelivered = idsOf(again)[0] === 'a' ? a! : b!
    const late = redelivered === a ? b! : a!
    expect(await dispatcher.ack(scene.consumer, [redelivered])).toEqual({ acked: 0, stale: 1 })
    expect(await dispatcher.ack(scene.consumer, [late])).toEqual({ acked: 1, stale: 0 })
    expect(await dispatcher.ack(scene.consumer, tokensOf(again))).toEqual({ acked: 1, stale: 0 })
    await countsHold(scene)
  })

  test('G6: garbage, a token used before and a token of another consumer change nothing and are counted', async () => {
    const scene = await setUp()
    const other = { ...scene, consumer: await makeConsumer(database.sql, scene.stream) }
    await put(scene, ['a', 'b'])
    const ours = await next(scene)
    const theirs = await next(other)
    const [first] = tokensOf(ours)
    await dispatcher.ack(scene.consumer, [first!])
    const forged = Buffer.from(tokensOf(theirs)[1]!, 'base64url')
    forged.writeInt32BE(scene.consumer.consumerNo, 0)
    const bad = [
      first!,
      ...tokensOf(theirs),
      forged.toString('base64url'),
      '',
      'nonsense',
      'A'.repeat(38),
      '\u0000',
    ]
    expect(await dispatcher.ack(scene.consumer, bad)).toEqual({ acked: 0, stale: bad.length })
    expect(await dispatcher.nack(scene.consumer, bad, 5)).toEqual({ nacked: 0, stale: bad.length })
    expect(await dispatcher.extend(scene.consumer, bad, 5)).toEqual({
      extended: 0,
      stale: bad.length,
    })
    expect(await consumerInfo(database.sql, scene.consumer.consumerNo)).toMatchObject({
      numAckPending: 1,
    })
    expect(await consumerInfo(database.sql, other.consumer.consumerNo)).toMatchObject({
      numAckPending: 2,
    })
  })

  test('the same token twice counts once', async () => {
    const scene = await setUp()
    await put(scene, ['a'])
    const [token] = tokensOf(await next(scene))
    expect(await dispatcher.ack(scene.consumer, [token!, token!])).toEqual({ acked: 1, stale: 1 })
  })

  test('each of the calls that are answered together learns which of its own tokens were stale', async () => {
    const scene = await setUp()
    const ids = Array.from({ length: 20 }, (_, i) => `r${i}`)
    await put(scene, ids)
    const tokens = tokensOf(await next(scene))
    await dispatcher.ack(scene.consumer, [tokens[3]!, tokens[7]!])
    const answers = await Promise.all(
      tokens.map((token) => dispatcher.ack(scene.consumer, [token])),
    )
    expect(answers.map(({ stale }, i) => (stale === 1 ? i : -1)).filter((i) => i >= 0)).toEqual([
      3, 7,
    ])
    await countsHold(scene)
  })

  test('10,000 tokens in one ack are fine', async () => {
    const scene = await setUp({ maxAckPending: 10_000 })
    await put(
      scene,
      Array.from({ length: 10_000 }, (_, i) => `r${i}`),
    )
    const tokens: string[] = []
    for (let call = 0; call < 10; call++) tokens.push(...tokensOf(await next(scene, 1000)))
    expect(await dispatcher.ack(scene.consumer, tokens)).toEqual({ acked: 10_000, stale: 0 })
  })
})

describe('G7: poison', () => {
  test('G7: past max_deliver a record becomes a dead letter, and the others go on', async () => {
    const scene = await setUp({ maxDeliver: 2 })
    await put(scene, ['bad', 'good'])
    const first = await next(scene)
    await dispatcher.ack(scene.consumer, [tokensOf(first)[1]!])
    await dispatcher.nack(scene.consumer, [tokensOf(first)[0]!], null)
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), null)
    expect(idsOf(await next(scene))).toEqual([])
    const dead = await database.sql`
      select deliver_count from dead_letter where consumer_no = ${scene.consumer.consumerNo}`
    expect(dead).toMatchObject([{ deliver_count: 2 }])
    await put(scene, ['later'])
    expect(idsOf(await next(scene))).toEqual(['later'])
    await countsHold(scene)
  })

  test('G7: records that are nacked for ever take at most half of a next while newer ones exist', async () => {
    const scene = await setUp()
    await put(
      scene,
      Array.from({ length: 40 }, (_, i) => `bad${i}`),
    )
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene, 40)), 0)
    await put(
      scene,
      Array.from({ length: 40 }, (_, i) => `good${i}`),
    )
    const mixed = idsOf(await next(scene, 20))
    expect(mixed.filter((id) => id.startsWith('good'))).toHaveLength(10)
    expect(mixed.filter((id) => id.startsWith('bad'))).toHaveLength(10)
  })

  test('G7: hundreds of records that wait for redelivery do not keep the next one from a worker that takes one', async () => {
    const scene = await setUp({ maxAckPending: 1 })
    await put(
      scene,
      Array.from({ length: 201 }, (_, i) => `r${i}`),
    )
    for (let i = 0; i < 200; i++) {
      await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), 60_000)
    }
    expect(idsOf(await next(scene))).toEqual(['r200'])
    await countsHold(scene)
  })

  test('G7: at 100,000 waiting nothing new is claimed', async () => {
    const scene = await setUp({ maxAckPending: 1 })
    const { consumerNo } = scene.consumer
    await put(scene, ['new'])
    const wait = async (count: number) =>
      await database.sql`
        with gone as (delete from inflight where consumer_no = ${consumerNo}),
        made as (
          insert into inflight (consumer_no, record_no, idx, op, nonce, due_at, deliver_count)
          select ${consumerNo}, 1000 + i, 1000 + i, 0, 0, now() + interval '1 day', 1 from generate_series(1, ${count}::int) i)
        update consumer_state set waiting = ${count} where consumer_no = ${consumerNo}`
    await wait(100_000)
    expect(idsOf(await next(scene))).toEqual([])
    await database.sql`delete from inflight where consumer_no = ${consumerNo}`
    await wait(99_999)
    expect(idsOf(await next(scene))).toEqual(['new'])
  })

  test('from the fifth delivery on a nacked record comes ever more slowly', async () => {
    const scene = await setUp()
    await put(scene, ['bad'])
    const waits: number[] = []
    for (let delivery = 1; delivery <= 8; delivery++) {
      await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), null)
      const [row] = await database.sql<{ ms: number }[]>`
        select (extract(epoch from due_at - clock_timestamp()) * 1000)::float8 as ms
          from inflight where consumer_no = ${scene.consumer.consumerNo}`
      waits.push(Math.max(0, Math.ceil(row!.ms / 1000)))
      await timePasses(scene, 3_600_000)
    }
    expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8])
  })

  test('a clock that was set forward and back delays nothing', async () => {
    const scene = await setUp({ ackWaitMs: 5000 })
    await put(scene, ['a', 'b'])
    const out = await next(scene)
    await dispatcher.nack(scene.consumer, [tokensOf(out)[1]!], null)
    await timePasses(scene, -3_600_000) // all times now lie an hour ahead, as after a clock that was set back
    await expect.poll(async () => idsOf(await next(scene))).toEqual(['b'])
    await timePasses(scene, 5001)
    expect(idsOf(await next(scene)).toSorted()).toEqual(['a', 'b'])
    await countsHold(scene)
  })

  test('a newer version of a record that waits for redelivery is delivered at once, with count 1', async () => {
    const scene = await setUp({ maxDeliver: 2 })
    await put(scene, ['a'], 0)
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), 60_000)
    await put(scene, ['a'], 1)
    const newer = await next(scene)
    expect(newer.items.map(({ redelivered }) => redelivered)).toEqual([false])
    expect(recordsOf(newer)[0]!.data.value).toBe(1)
    await countsHold(scene)
    await dispatcher.nack(scene.consumer, tokensOf(newer), null)
    expect(idsOf(await next(scene))).toEqual(['a'])
  })
})

test('a token names its delivery and survives the round trip', async () => {
  const scene = await setUp()
  await put(scene, ['a'])
  const [token] = tokensOf(await next(scene))
  expect(token).toMatch(/^[A-Za-z0-9_-]{38}$/)
  expect(decodeToken(token!)).toMatchObject({
    consumerNo: scene.consumer.consumerNo,
    recordNo: '1',
    op: '1',
  })
})
