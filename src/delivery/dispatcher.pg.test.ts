import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeConsumer, makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import type { Consumer, ConsumerSettings } from './consumers.ts'
import { deleteConsumer, resetConsumer } from './consumers.ts'
import type { NextAnswer } from './desk.ts'
import { createDispatcher } from './dispatcher.ts'
import type { Dispatcher } from './dispatcher.ts'
import { consumerInfo } from './info.ts'
import { createNotifier } from './notifier.ts'
import type { Notifier } from './notifier.ts'
import { decodeToken } from './token.ts'

let database: TestDatabase
let notifier: Notifier
let dispatcher: Dispatcher
beforeAll(async () => {
  database = await createTestDatabase()
  notifier = createNotifier(database.pools.listen)
  dispatcher = createDispatcher({ sql: database.pools.deliver, notifier })
})
afterAll(async () => {
  await dispatcher.close()
  await notifier.close()
  await database[Symbol.asyncDispose]()
})

type Scene = { stream: TestStream; source: TestSource; consumer: Consumer }

async function setUp(settings: Partial<ConsumerSettings> = {}): Promise<Scene> {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  return { stream, source, consumer: await makeConsumer(database.sql, stream, settings) }
}

async function put({ stream, source }: Scene, ids: string[], at = 0, value: unknown = at) {
  return await writePage(database.sql, pageOf(stream, ids.map((id) => observe(source, id, { at, value }))))
}

async function next({ consumer }: Scene, batchSize = 100, waitMs = 0, signal = new AbortController().signal) {
  return await dispatcher.next({ consumer, batchSize, waitMs, signal })
}

function tokensOf({ items }: NextAnswer): string[] {
  return items.map(({ ackToken }) => ackToken)
}

type Parsed = { id: string; upstream_id: string; updated_idx: number; deleted: boolean; data: { value: unknown } }

function recordsOf({ items }: NextAnswer): Parsed[] {
  return items.map(({ recordJson }) => JSON.parse(recordJson) as Parsed)
}

function idsOf(answer: NextAnswer): string[] {
  return recordsOf(answer).map(({ upstream_id }) => upstream_id)
}

/** The ack deadlines and due times of the consumer's deliveries pass now. */
async function timePasses({ consumer }: Scene, ms: number): Promise<void> {
  const back = `${ms} ms`
  await database.sql`
    update consumer_state set out_floor = out_floor - ${back}::interval, wait_floor = wait_floor - ${back}::interval
     where consumer_no = ${consumer.consumerNo}`
  await database.sql`update inflight set due_at = due_at - ${back}::interval where consumer_no = ${consumer.consumerNo}`
}

async function countsHold({ consumer }: Scene): Promise<void> {
  const [row] = await database.sql`
    select (select pending from consumer_state where consumer_no = c.consumer_no order by op desc limit 1)
             - (select count(*)::int from inflight f where f.consumer_no = c.consumer_no and f.op > 0) as pending_off,
           (select waiting from consumer_state where consumer_no = c.consumer_no order by op desc limit 1)
             - (select count(*)::int from inflight f where f.consumer_no = c.consumer_no and f.op <= 0) as waiting_off
      from consumer c where c.consumer_no = ${consumer.consumerNo}`
  expect(row).toEqual({ pending_off: 0, waiting_off: 0 })
}

describe('next and ack', () => {
  test('a consumer sees the whole stream in its order, then changes, and nothing twice once it is acked', async () => {
    const scene = await setUp()
    await put(scene, ['a', 'b', 'c'])
    const first = await next(scene, 2)
    expect(idsOf(first)).toEqual(['a', 'b'])
    expect(await dispatcher.ack(scene.consumer, tokensOf(first))).toEqual({ acked: 2, stale: 0 })
    const second = await next(scene, 10)
    expect(idsOf(second)).toEqual(['c'])
    await dispatcher.ack(scene.consumer, tokensOf(second))
    await put(scene, ['a'], 1)
    expect(idsOf(await next(scene))).toEqual(['a'])
    await countsHold(scene)
  })

  test('the wire JSON of a record is complete, and its data is the text that was sent', async () => {
    const stream = await makeStream(database.sql)
    const metadata = { plan: 'pro', quote: '"' }
    const source = await makeSource(database.sql, stream, { externalId: 'cust "1"', metadata })
    const consumer = await makeConsumer(database.sql, stream)
    const raw = '{ "id": "x", "big": 9007199254740993, "one": 1.0, "nul": "\\u0000" }'
    await writePage(
      database.sql,
      pageOf(stream, [observe(source, 'x"y', { raw, createdUs: 1_600_000_000_123_456 })]),
    )
    const { items } = await dispatcher.next({ consumer, batchSize: 1, waitMs: 0, signal: new AbortController().signal })
    expect(items[0]!.recordJson).toContain(`"data":${raw},`)
    expect(JSON.parse(items[0]!.recordJson)).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-0000-8000-8[0-9a-f]{3}-[0-9a-f]{12}$/),
      stream_id: stream.streamId,
      sync_id: source.syncId,
      sync: { id: source.syncId, external_id: 'cust "1"', metadata },
      provider: 'acme',
      collection_id: 'acme:thing',
      upstream_id: 'x"y',
      upstream_created_at: '2020-09-13T12:26:40.123456Z',
      upstream_updated_at: null,
      data: JSON.parse(raw),
      deleted: false,
      updated_idx: 1,
      inserted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    })
  })

  test('info counts what is still to come and what is out', async () => {
    const scene = await setUp()
    await put(scene, ['a', 'b', 'c', 'd'])
    const { info, items } = await next(scene, 3)
    expect(info).toEqual({ numPending: 1, numAckPending: 3 })
    await dispatcher.ack(scene.consumer, [items[0]!.ackToken])
    expect((await next(scene, 1)).info).toEqual({ numPending: 0, numAckPending: 3 })
  })

  test('no more than max_ack_pending is out; an ack makes room', async () => {
    const scene = await setUp({ maxAckPending: 2 })
    await put(scene, ['a', 'b', 'c'])
    const first = await next(scene)
    expect(idsOf(first)).toEqual(['a', 'b'])
    expect(idsOf(await next(scene))).toEqual([])
    await dispatcher.ack(scene.consumer, [first.items[0]!.ackToken])
    expect(idsOf(await next(scene))).toEqual(['c'])
  })
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
    expect(await dispatcher.extend(scene.consumer, tokensOf(out), 60_000)).toEqual({ extended: 1, stale: 0 })
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
    const bad = [first!, ...tokensOf(theirs), forged.toString('base64url'), '', 'nonsense', 'A'.repeat(38), '\u0000']
    expect(await dispatcher.ack(scene.consumer, bad)).toEqual({ acked: 0, stale: bad.length })
    expect(await dispatcher.nack(scene.consumer, bad, 5)).toEqual({ nacked: 0, stale: bad.length })
    expect(await dispatcher.extend(scene.consumer, bad, 5)).toEqual({ extended: 0, stale: bad.length })
    expect(await consumerInfo(database.sql, scene.consumer.consumerNo)).toMatchObject({ numAckPending: 1 })
    expect(await consumerInfo(database.sql, other.consumer.consumerNo)).toMatchObject({ numAckPending: 2 })
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
    const answers = await Promise.all(tokens.map((token) => dispatcher.ack(scene.consumer, [token])))
    expect(answers.map(({ stale }, i) => (stale === 1 ? i : -1)).filter((i) => i >= 0)).toEqual([3, 7])
    await countsHold(scene)
  })

  test('10,000 tokens in one ack are fine', async () => {
    const scene = await setUp({ maxAckPending: 10_000 })
    await put(scene, Array.from({ length: 10_000 }, (_, i) => `r${i}`))
    const tokens: string[] = []
    while (tokens.length < 10_000) tokens.push(...tokensOf(await next(scene, 1000)))
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
    await put(scene, Array.from({ length: 40 }, (_, i) => `bad${i}`))
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene, 40)), 0)
    await put(scene, Array.from({ length: 40 }, (_, i) => `good${i}`))
    const mixed = idsOf(await next(scene, 20))
    expect(mixed.filter((id) => id.startsWith('good'))).toHaveLength(10)
    expect(mixed.filter((id) => id.startsWith('bad'))).toHaveLength(10)
  })

  test('a newer version of a record that waits for redelivery is delivered at once, with count 1', async () => {
    const scene = await setUp()
    await put(scene, ['a'], 0)
    await dispatcher.nack(scene.consumer, tokensOf(await next(scene)), 60_000)
    await put(scene, ['a'], 1)
    const newer = await next(scene)
    expect(newer.items.map(({ redelivered }) => redelivered)).toEqual([false])
    expect(recordsOf(newer)[0]!.data.value).toBe(1)
    await countsHold(scene)
  })
})

describe('waiting', () => {
  test('a call that waits is answered as soon as a record is written', async () => {
    const scene = await setUp()
    const waiting = next(scene, 10, 20_000)
    await expect.poll(() => dispatcher.waiting()).toBeGreaterThan(0)
    await put(scene, ['a'])
    expect(idsOf(await waiting)).toEqual(['a'])
  })

  test('a call that waits in vain is answered empty when its time is over', async () => {
    const scene = await setUp()
    expect(await next(scene, 10, 50)).toMatchObject({ items: [] })
  })

  test('calls that wait together share what comes, and none gets what another got', async () => {
    const scene = await setUp()
    const calls = Array.from({ length: 10 }, () => next(scene, 3, 20_000))
    await put(scene, Array.from({ length: 30 }, (_, i) => `r${i}`))
    const answers = await Promise.all(calls)
    expect(new Set(answers.flatMap(idsOf)).size).toBe(30)
  })

  test('more calls than max_waiting are refused, with the time to come again', async () => {
    const scene = await setUp({ maxWaiting: 2 })
    const controller = new AbortController()
    const calls = [next(scene, 1, 20_000, controller.signal), next(scene, 1, 20_000, controller.signal)]
    await expect(next(scene, 1, 20_000)).rejects.toMatchObject({ kind: 'rate_limited', retryAfterMs: 1000 })
    controller.abort()
    expect(await Promise.all(calls)).toMatchObject([{ items: [] }, { items: [] }])
  })

  test('a client that hangs up while records are being claimed for it loses nothing and holds nothing', async () => {
    const scene = await setUp()
    await put(scene, ['a', 'b'])
    await using held = await holdConsumer(scene)
    const controller = new AbortController()
    const call = next(scene, 10, 0, controller.signal)
    await held.blocks()
    controller.abort()
    expect((await call).items).toEqual([])
    await held.release()
    const info = async () => await consumerInfo(database.sql, scene.consumer.consumerNo)
    await expect.poll(info).toMatchObject({ numAckPending: 0 })
    const again = await next(scene)
    expect(again.items.map(({ redelivered }) => redelivered)).toEqual([false, false])
    await countsHold(scene)
  })

  test('what is handed back after the answer is delivered again as if it had never been', async () => {
    const scene = await setUp({ maxDeliver: 1 })
    await put(scene, ['a'])
    const out = await next(scene)
    await dispatcher.release(scene.consumer, tokensOf(out))
    expect(idsOf(await next(scene))).toEqual(['a'])
    expect(await dispatcher.ack(scene.consumer, tokensOf(out))).toEqual({ acked: 0, stale: 1 })
  })

  test('close answers waiting calls empty and leaves nothing claimed', async () => {
    const scene = await setUp()
    await put(scene, ['a'])
    const other = createDispatcher({ sql: database.pools.deliver, notifier })
    await using held = await holdConsumer(scene)
    const signal = new AbortController().signal
    const call = other.next({ consumer: scene.consumer, batchSize: 1, waitMs: 20_000, signal })
    await held.blocks()
    const closed = other.close()
    expect((await call).items).toEqual([])
    await held.release()
    await closed
    expect(await consumerInfo(database.sql, scene.consumer.consumerNo)).toMatchObject({ numAckPending: 0 })
    expect(idsOf(await next(scene))).toEqual(['a'])
  })

  test('a deleted consumer ends waiting calls with not_found', async () => {
    const scene = await setUp()
    const waiting = next(scene, 1, 20_000)
    const ended = expect(waiting).rejects.toMatchObject({ kind: 'not_found' })
    await deleteConsumer(database.sql, scene.stream.tenantId, scene.consumer.id, null)
    await ended
  })

  test('an unknown consumer, or one of another tenant, is not found', async () => {
    const scene = await setUp()
    const other = await makeStream(database.sql)
    await expect(dispatcher.find(other.tenantId, scene.consumer.id)).rejects.toMatchObject({ kind: 'not_found' })
    await expect(dispatcher.find(scene.stream.tenantId, 'nonsense')).rejects.toMatchObject({ kind: 'not_found' })
    expect(await dispatcher.find(scene.stream.tenantId, scene.consumer.id)).toMatchObject({
      consumerNo: scene.consumer.consumerNo,
    })
  })
})

/** Holds the consumer's state row, so that a claim is under way for as long as the test wants. */
async function holdConsumer({ consumer }: Scene) {
  let open: () => void = () => {}
  const gate = new Promise<void>((resolve) => (open = resolve))
  let locked: () => void = () => {}
  const ready = new Promise<void>((resolve) => (locked = resolve))
  const holding = database.sql.begin(async (tx) => {
    await tx`select 1 from consumer_state where consumer_no = ${consumer.consumerNo} for update`
    locked()
    await gate
  })
  await ready
  const release = async () => {
    open()
    await holding
  }
  return {
    /** Resolves when somebody waits for the row. */
    async blocks() {
      await expect
        .poll(async () => {
          const [row] = await database.sql<{ n: number }[]>`
            select count(*)::int as n from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like '%stream_next_v1%'`
          return row!.n
        })
        .toBeGreaterThan(0)
    },
    release,
    [Symbol.asyncDispose]: release,
  }
}

test('a token names its delivery and survives the round trip', async () => {
  const scene = await setUp()
  await put(scene, ['a'])
  const [token] = tokensOf(await next(scene))
  expect(token).toMatch(/^[A-Za-z0-9_-]{38}$/)
  expect(decodeToken(token!)).toMatchObject({ consumerNo: scene.consumer.consumerNo, recordNo: '1', op: '1' })
})
