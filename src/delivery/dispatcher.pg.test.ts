// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, describe, expect, test } from 'vitest'
import { idsOf, openCounter, tokensOf } from '../../test/support/counter.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { holdConsumer } from '../../test/support/held.ts'
import { makeConsumer, makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import { deleteConsumer } from './consumers.ts'
import { createDispatcher } from './dispatcher.ts'
import { consumerInfo } from './info.ts'

const database = await createTestDatabase()
const { dispatcher, notifier, setUp, put, next, countsHold, close } = openCounter(database)
afterAll(async () => {
  await close()
  await database[Symbol.asyncDispose]()
})

/** The pool, telling of each statement before it is sent. */
function watched(tell: (statement: string) => void) {
  return new Proxy(database.pools.deliver, {
    apply(target, self, args) {
      tell(String(args[0]))
      return Reflect.apply(target, self, args) as unknown
    },
  })
}

describe('next and ack', () => {
  test('calls that come at once look for their consumer once; one that was not found is looked for again', async () => {
    let statements = 0
    const counted = createDispatcher({ sql: watched(() => statements++), notifier })
    const { consumer } = await setUp()
    const [row] = await database.sql<{ tenantId: string; id: string }[]>`
      select tenant_id as "tenantId", id from consumer where consumer_no = ${consumer.consumerNo}`
    const { tenantId, id } = row!
    const found = await Promise.all(
      Array.from({ length: 100 }, () => counted.find(tenantId, id.toUpperCase())),
    )
    expect(new Set(found.map(({ consumerNo }) => consumerNo))).toEqual(
      new Set([consumer.consumerNo]),
    )
    expect(statements).toBe(1)
    await expect(counted.find(crypto.randomUUID(), id)).rejects.toMatchObject({ kind: 'not_found' })
    const absent = crypto.randomUUID()
    for (const _ of [1, 2]) {
      await expect(counted.find(tenantId, absent)).rejects.toMatchObject({ kind: 'not_found' })
    }
    expect(statements).toBe(4)
    await counted.close()
  })

  test('calls that arrive in one turn of the event loop share one claim, and their acks one statement', async () => {
    const statements: string[] = []
    const counted = createDispatcher({ sql: watched((text) => statements.push(text)), notifier })
    const scene = await setUp()
    const { consumer } = scene
    await put(scene, ['a', 'b', 'c', 'd'])
    /** As requests that lie in as many sockets: each begins, and is through with what it can do, before the next. */
    const inOneTurn = async <T>(acts: (() => Promise<T>)[]) => {
      const begun: Promise<T>[] = []
      for (const act of acts) {
        begun.push(act())
        for (let i = 0; i < 20; i++) await Promise.resolve()
      }
      return await Promise.all(begun)
    }
    const { signal } = new AbortController()
    const take = async () => await counted.next({ consumer, batchSize: 1, waitMs: 0, signal })
    const answers = await inOneTurn([take, take, take, take])
    expect(answers.flatMap(idsOf)).toEqual(['a', 'b', 'c', 'd'])
    await inOneTurn(answers.map((out) => async () => await counted.ack(consumer, tokensOf(out))))
    for (const name of ['stream_next_v2', 'stream_ack_v1'])
      expect(statements.filter((text) => text.includes(name))).toHaveLength(1)
    await countsHold(scene)
    await counted.close()
  })

  test('of hundreds of calls each claim serves a part, and the next is asked for before its answers are out', async () => {
    const statements: string[] = []
    const counted = createDispatcher({ sql: watched((text) => statements.push(text)), notifier })
    const scene = await setUp({ maxWaiting: 200 })
    const { consumer } = scene
    const ids = Array.from({ length: 150 }, (_, i) => `r${i}`)
    await put(scene, ids)
    const { signal } = new AbortController()
    const claims = () => statements.filter((text) => text.includes('stream_next_v2')).length
    let claimsAtFirst = 0
    const answers = ids.map(async () => {
      const answer = await counted.next({ consumer, batchSize: 1, waitMs: 0, signal })
      for (let i = 0; i < 20; i++) await Promise.resolve()
      claimsAtFirst ||= claims()
      return answer
    })
    expect((await Promise.all(answers)).flatMap(idsOf)).toEqual(ids)
    expect(claimsAtFirst).toBe(2)
    expect(claims()).toBe(3)
    await counted.close()
  })

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
    const { items } = await dispatcher.next({
      consumer,
      batchSize: 1,
      waitMs: 0,
      signal: new AbortController().signal,
    })
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

  test('a consumer that nothing in a busy stream fits looks ever more seldom, but at once for what is given back', async () => {
    const looks: number[] = []
    let onLook = () => {}
    const sql = watched((statement) => {
      if (!statement.includes('stream_next_v2')) return
      looks.push(performance.now())
      onLook()
    })
    let moved = () => {}
    const subscribe = (_: number, listener: () => void) => {
      moved = listener
      return () => {}
    }
    const paced = createDispatcher({ sql, notifier: { subscribe, close: async () => {} } })
    const { signal } = new AbortController()
    const scene = await setUp()
    const { consumer } = scene
    const take = async () => await paced.next({ consumer, batchSize: 10, waitMs: 20_000, signal })
    await put(scene, ['a'])
    let out = await take()
    const busy = setInterval(() => moved(), 2)
    const gaps: number[] = []
    for (const giveBack of [
      async (tokens: string[]) => await paced.nack(consumer, tokens, 0),
      async (tokens: string[]) => await paced.release(consumer, tokens),
      async (tokens: string[]) => await paced.nack(consumer, tokens, 0),
    ]) {
      const from = looks.length
      const twelfth = new Promise<void>((resolve) => {
        onLook = () => {
          if (looks.length === from + 12) resolve()
        }
      })
      const call = take()
      await twelfth
      const waits = looks.slice(from + 7).map((at, i) => at - looks[from + 6 + i]!)
      for (const wait of waits) expect(wait).toBeGreaterThan(45) // never before 50 ms, but for a timer's rounding
      await giveBack(tokensOf(out))
      out = await call
      expect(idsOf(out)).toEqual(['a'])
      gaps.push(looks.at(-1)! - looks[from + 11]!)
    }
    // each within a few ms on a machine that is not busy; held back, all would be 50
    expect(Math.min(...gaps)).toBeLessThan(45)
    clearInterval(busy)
    await paced.close()
  })

  test('calls that wait together share what comes, and none gets what another got', async () => {
    const scene = await setUp()
    const calls = Array.from({ length: 10 }, () => next(scene, 3, 20_000))
    await put(
      scene,
      Array.from({ length: 30 }, (_, i) => `r${i}`),
    )
    const answers = await Promise.all(calls)
    expect(new Set(answers.flatMap(idsOf)).size).toBe(30)
  })

  test('a call is not kept by those before it, however many wait', async () => {
    const scene = await setUp({ maxWaiting: 200 })
    const hangUp = new AbortController()
    const before = Array.from({ length: 150 }, () => next(scene, 1, 60_000, hangUp.signal))
    expect(idsOf(await next(scene, 1, 0))).toEqual([])
    await put(scene, ['a'])
    expect((await Promise.race(before)).items).toHaveLength(1)
    hangUp.abort()
    await Promise.all(before)
  })

  test('more calls than max_waiting are refused, with the time to come again', async () => {
    const scene = await setUp({ maxWaiting: 2 })
    const controller = new AbortController()
    const calls = [
      next(scene, 1, 20_000, controller.signal),
      next(scene, 1, 20_000, controller.signal),
    ]
    await expect(next(scene, 1, 20_000)).rejects.toMatchObject({
      kind: 'rate_limited',
      retryAfterMs: 1000,
    })
    controller.abort()
    expect(await Promise.all(calls)).toMatchObject([{ items: [] }, { items: [] }])
  })

  test('calls of clients that have hung up make room for others, whatever the database is at', async () => {
    const scene = await setUp({ maxWaiting: 2 })
    await using held = await holdConsumer(database.sql, scene.consumer.consumerNo)
    const gone = new AbortController()
    const calls = [next(scene, 1, 20_000, gone.signal), next(scene, 1, 20_000, gone.signal)]
    await held.blocks()
    gone.abort()
    const late = next(scene, 1, 20_000)
    expect(await Promise.all(calls)).toMatchObject([{ items: [] }, { items: [] }])
    await held.release()
    await put(scene, ['a'])
    expect(idsOf(await late)).toEqual(['a'])
  })

  test('a client that hangs up while records are being claimed for it loses nothing and holds nothing', async () => {
    const scene = await setUp()
    await put(scene, ['a', 'b'])
    await using held = await holdConsumer(database.sql, scene.consumer.consumerNo)
    const controller = new AbortController()
    const call = next(scene, 10, 0, controller.signal)
    await held.blocks()
    controller.abort()
    await held.release()
    expect((await call).items).toEqual([])
    const info = async () => await consumerInfo(database.sql, scene.consumer.consumerNo)
    await expect.poll(info).toMatchObject({ numAckPending: 0 })
    const again = await next(scene)
    expect(again.items.map(({ redelivered }) => redelivered)).toEqual([false, false])
    await countsHold(scene)
  })

  test('G4: a record tells its origin also where its sync was made after the claim began', async () => {
    const scene = await setUp()
    await using held = await holdConsumer(database.sql, scene.consumer.consumerNo)
    const call = next(scene)
    await held.blocks()
    const source = await makeSource(database.sql, scene.stream)
    await writePage(database.sql, pageOf(scene.stream, [observe(source, 'a')]))
    await held.release()
    const { items } = await call
    expect(items.map(({ recordJson }) => JSON.parse(recordJson) as object)).toMatchObject([
      { sync_id: source.syncId, provider: 'acme' },
    ])
  })

  test('what is handed back after the answer is delivered again as if it had never been', async () => {
    const scene = await setUp({ maxDeliver: 2 })
    await put(scene, ['a'])
    const out = await next(scene)
    await dispatcher.release(scene.consumer, tokensOf(out))
    const again = await next(scene)
    expect(idsOf(again)).toEqual(['a'])
    expect(await dispatcher.ack(scene.consumer, tokensOf(out))).toEqual({ acked: 0, stale: 1 })
    await dispatcher.nack(scene.consumer, tokensOf(again), null)
    expect(idsOf(await next(scene))).toEqual(['a'])
  })

  test('close answers waiting calls empty and leaves nothing claimed', async () => {
    const scene = await setUp()
    await put(scene, ['a'])
    const other = createDispatcher({ sql: database.pools.deliver, notifier })
    await using held = await holdConsumer(database.sql, scene.consumer.consumerNo)
    const signal = new AbortController().signal
    const call = other.next({ consumer: scene.consumer, batchSize: 1, waitMs: 20_000, signal })
    await held.blocks()
    const closed = other.close()
    expect((await call).items).toEqual([])
    await held.release()
    await closed
    expect(await consumerInfo(database.sql, scene.consumer.consumerNo)).toMatchObject({
      numAckPending: 0,
    })
    expect(idsOf(await next(scene))).toEqual(['a'])
  })

  test('a deleted consumer ends waiting calls with not_found', async () => {
    const scene = await setUp()
    const waiting = next(scene, 1, 20_000)
    const ended = expect(waiting).rejects.toMatchObject({ kind: 'not_found' })
    await deleteConsumer(database.sql, scene.stream.tenantId, scene.consumer.id)
    await ended
  })

  test('an unknown consumer, or one of another tenant, is not found', async () => {
    const scene = await setUp()
    const other = await makeStream(database.sql)
    await expect(dispatcher.find(other.tenantId, scene.consumer.id)).rejects.toMatchObject({
      kind: 'not_found',
    })
    await expect(dispatcher.find(scene.stream.tenantId, 'nonsense')).rejects.toMatchObject({
      kind: 'not_found',
    })
    expect(await dispatcher.find(scene.stream.tenantId, scene.consumer.id)).toMatchObject({
      consumerNo: scene.consumer.consumerNo,
    })
  })
})
