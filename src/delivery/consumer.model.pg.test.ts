// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fewAreABacklog } from '../../test/support/backlog.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeConsumer, makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import type { Consumer } from './consumers.ts'
import { resetConsumer } from './consumers.ts'
import { redeliverDeadLetters } from './deadLetters.ts'
import { createDispatcher } from './dispatcher.ts'
import type { Dispatcher } from './dispatcher.ts'
import { createNotifier } from './notifier.ts'
import type { Notifier } from './notifier.ts'

/**
 * A consumer against a model in memory: steps of up to four commands at once, through three dispatchers (three processes,
 * as the database sees it), and after each step the invariants of the stream's design that concern consumers.
 */
const processes = 3
const maxAckPending = 8

let database: TestDatabase
let notifier: Notifier
let dispatchers: Dispatcher[]
let statesHeld = 0
beforeAll(async () => {
  database = await createTestDatabase()
  await fewAreABacklog(database)
  notifier = createNotifier(database.pools.listen)
  dispatchers = Array.from({ length: processes }, () =>
    createDispatcher({ sql: database.pools.deliver, notifier }),
  )
})
afterAll(async () => {
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.close()))
  await notifier.close()
  await database[Symbol.asyncDispose]()
})

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l']

/** `pick` names one of the tokens handed out so far, also one that is long dead. */
type Command =
  | { do: 'write'; ids: string[]; wanted: boolean }
  | { do: 'next'; count: number }
  | { do: 'ack' | 'release' | 'extend'; pick: number }
  | { do: 'nack'; pick: number; delayMs: number | null }
/** What happens alone. */
type Event = { do: 'time'; ms: number } | { do: 'reset' } | { do: 'redeliver' }
type Step = { at: 'once'; commands: Command[] } | { at: 'alone'; event: Event }

const pick = fc.nat({ max: 1000 })
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      ids: fc.subarray(ids, { minLength: 1 }),
      wanted: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('next' as const),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('ack' as const, 'ack' as const, 'release' as const, 'extend' as const),
      pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('nack' as const),
      pick,
      delayMs: fc.constantFrom(null, 0, 5000),
    }),
  },
)
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('time' as const),
      ms: fc.constantFrom(500, 1500, 20_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redeliver' as const) }) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      at: fc.constant('once' as const),
      commands: fc.array(command, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ at: fc.constant('alone' as const), event }) },
)

type Delivery = { token: string; recordId: string; idx: number; over: boolean }

class Run {
  readonly stream: TestStream
  readonly sources: { wanted: TestSource; second: TestSource; unwanted: TestSource }
  readonly consumer: Consumer
  deliveries: Delivery[] = []
  /** Versions whose ack counted. */
  acked = new Set<number>()
  /** The newest version delivered of each record, since the last reset. */
  newest = new Map<string, number>()
  #clock = 0

  constructor(stream: TestStream, sources: Run['sources'], consumer: Consumer) {
    this.stream = stream
    this.sources = sources
    this.consumer = consumer
  }

  get #wanted(): number[] {
    return [this.sources.wanted.sourceNo, this.sources.second.sourceNo]
  }

  async together(commands: Command[]): Promise<void> {
    await Promise.all(commands.map((each, i) => this.#do(each, dispatchers[i % processes]!)))
  }

  async #do(each: Command, dispatcher: Dispatcher): Promise<void> {
    if (each.do === 'write') return await this.#write(each.ids, each.wanted)
    if (each.do === 'next') return await this.next(dispatcher, each.count)
    const delivery = this.deliveries[each.pick % Math.max(1, this.deliveries.length)]
    if (delivery === undefined) return
    switch (each.do) {
      case 'ack':
        return await this.#ack(dispatcher, delivery)
      case 'nack':
        delivery.over = true
        await dispatcher.nack(this.consumer, [delivery.token], each.delayMs)
        return
      case 'release':
        delivery.over = true
        return await dispatcher.release(this.consumer, [delivery.token])
      case 'extend':
        await dispatcher.extend(this.consumer, [delivery.token], 1000)
    }
  }

  async #write(which: string[], wanted: boolean): Promise<void> {
    const at = ++this.#clock
    const fits = at % 3 === 0 ? this.sources.second : this.sources.wanted
    const source = wanted ? fits : this.sources.unwanted
    await writePage(
      database.sql,
      pageOf(
        this.stream,
        which.map((id) => observe(source, id, { at, value: at })),
      ),
    )
  }

  async next(dispatcher: Dispatcher, count: number): Promise<void> {
    const signal = new AbortController().signal
    const { items } = await dispatcher.next({
      consumer: this.consumer,
      batchSize: count,
      waitMs: 0,
      signal,
    })
    expect(items.length).toBeLessThanOrEqual(count)
    for (const { ackToken, recordJson } of items) {
      const {
        id,
        updated_idx: idx,
        sync_id,
      } = JSON.parse(recordJson) as { id: string; updated_idx: number; sync_id: string }
      expect([this.sources.wanted.syncId, this.sources.second.syncId]).toContain(sync_id)
      const out = this.deliveries.filter(({ recordId, over }) => recordId === id && !over)
      expect(out, 'G5: with at most one worker').toEqual([])
      expect(idx, 'G5: its versions in order').toBeGreaterThanOrEqual(this.newest.get(id) ?? 0)
      this.newest.set(id, idx)
      this.deliveries.push({ token: ackToken, recordId: id, idx, over: false })
    }
  }

  async #ack(dispatcher: Dispatcher, delivery: Delivery): Promise<void> {
    const later = this.deliveries.slice(this.deliveries.indexOf(delivery) + 1)
    const replaced = later.some(({ recordId }) => recordId === delivery.recordId)
    delivery.over = true
    const { acked, stale } = await dispatcher.ack(this.consumer, [delivery.token])
    expect(acked + stale).toBe(1)
    if (replaced) expect(acked, 'G6: a replaced token changes nothing').toBe(0)
    if (acked === 1) this.acked.add(delivery.idx)
  }

  async alone(what: Event): Promise<void> {
    switch (what.do) {
      case 'time':
        await this.timePasses(what.ms)
        return
      case 'reset':
        await resetConsumer(database.sql, this.stream.tenantId, this.consumer.id, 'all')
        this.deliveries.forEach((delivery) => (delivery.over = true))
        this.newest.clear()
        this.acked.clear()
        return
      case 'redeliver':
        await redeliverDeadLetters(database.sql, this.consumer, null)
    }
  }

  /** Deadlines come nearer; whatever may have run out is counted as over, which only makes the check of G5 milder. */
  async timePasses(ms: number): Promise<void> {
    const { consumerNo } = this.consumer
    await database.sql`
      update consumer_state
         set out_floor = out_floor - ${ms}::float8 * interval '1 ms', wait_floor = wait_floor - ${ms}::float8 * interval '1 ms'
       where consumer_no = ${consumerNo}`
    await database.sql`
      update inflight set due_at = due_at - ${ms}::float8 * interval '1 ms' where consumer_no = ${consumerNo}`
    const rows = await database.sql<{ no: string }[]>`
      select record_no as no from inflight where consumer_no = ${consumerNo} and op > 0 and due_at > clock_timestamp() + interval '300 ms'`
    const safe = new Set(rows.map(({ no }) => Number(no)))
    for (const delivery of this.deliveries)
      if (!safe.has(recordNoOf(delivery.recordId))) delivery.over = true
  }

  async holds(): Promise<void> {
    const { consumerNo } = this.consumer
    const [state] = await database.sql<State[]>`
      select s.pending, s.waiting, s.cursor_idx::float8 as cursor,
             coalesce(s.ahead_idx, s.cursor_idx)::float8 as ahead, s.held, s.held_from as "heldFrom",
             (select count(*)::int from inflight f where f.consumer_no = s.consumer_no and f.op > 0) as out,
             (select count(*)::int from inflight f where f.consumer_no = s.consumer_no and f.op <= 0) as waits,
             (select count(*)::int from inflight f where f.consumer_no = s.consumer_no
                 and f.due_at < case when f.op > 0 then s.out_floor else s.wait_floor end) as below_floor,
             s.wait_floor <= s.out_floor as floors_in_order
        from consumer_state s
       where s.consumer_no = ${consumerNo}`
    expect(state).toMatchObject({
      pending: state!.out,
      waiting: state!.waits,
      below_floor: 0,
      floors_in_order: true,
    })
    expect(state!.pending).toBeLessThanOrEqual(maxAckPending)
    expect(state!.waiting).toBeLessThanOrEqual(11 * maxAckPending)
    const passed = await database.sql<{ idx: number; known: boolean }[]>`
      select r.updated_idx::float8 as idx,
             exists (select 1 from inflight f where f.consumer_no = ${consumerNo} and f.record_no = r.record_no
                        and r.updated_idx in (f.idx, f.next_idx))
             or exists (select 1 from dead_letter l where l.consumer_no = ${consumerNo} and l.record_no = r.record_no
                           and l.idx = r.updated_idx) as known
        from record r
       where r.stream_no = ${this.stream.streamNo} and r.source_no = any(${this.#wanted}::int[])
         and (r.updated_idx <= ${state!.cursor}
              or r.updated_idx <= ${state!.ahead}
                 and (r.source_no <> all(${state!.held}::int[])
                      or r.updated_idx <= (${state!.heldFrom}::bigint[])[array_position(${state!.held}::int[], r.source_no)]))`
    if (state!.held !== null) statesHeld++
    const lost = passed.filter(({ idx, known }) => !known && !this.acked.has(idx))
    expect(lost, 'G4: a version that the cursor passed is acked, out, waiting or dead').toEqual([])
  }

  /** Everything is acked in the end, dead letters too; nothing is left out. */
  async settles(): Promise<void> {
    for (let idle = 0; idle < 2;) {
      await this.timePasses(3_600_000)
      await redeliverDeadLetters(database.sql, this.consumer, null)
      const before = this.deliveries.length
      await this.next(dispatchers[0]!, 6)
      const fresh = this.deliveries.slice(before)
      for (const delivery of fresh) await this.#ack(dispatchers[0]!, delivery)
      idle = fresh.length === 0 ? idle + 1 : 0
    }
    const rows = await database.sql<{ idx: number }[]>`
      select updated_idx::float8 as idx from record
       where stream_no = ${this.stream.streamNo} and source_no = any(${this.#wanted}::int[])`
    expect(
      rows.filter(({ idx }) => !this.acked.has(idx)),
      'G4: every current version was acked',
    ).toEqual([])
  }
}

type State = {
  pending: number
  waiting: number
  cursor: number
  ahead: number
  held: number[] | null
  heldFrom: string[] | null
  out: number
  waits: number
  below_floor: number
  floors_in_order: boolean
}

function recordNoOf(recordId: string): number {
  return Number.parseInt(recordId.replaceAll('-', '').slice(17), 16)
}

test('G4 G5 G6 G7: whatever workers do, at once and in any order, the consumer is what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(-1, 1, 3),
      fc.constantFrom('none' as const, 'sync' as const),
      async (steps, maxDeliver, fairness) => {
        const stream = await makeStream(database.sql)
        const sources = {
          wanted: await makeSource(database.sql, stream, { externalId: 'wanted' }),
          second: await makeSource(database.sql, stream, { externalId: 'wanted' }),
          unwanted: await makeSource(database.sql, stream, { externalId: 'unwanted' }),
        }
        const settings = {
          filters: { external_id: 'wanted' },
          ackWaitMs: 1000,
          maxAckPending,
          maxDeliver,
          fairness,
        }
        const run = new Run(stream, sources, await makeConsumer(database.sql, stream, settings))
        for (const each of steps) {
          if (each.at === 'once') await run.together(each.commands)
          else await run.alone(each.event)
          await run.holds()
        }
        await run.settles()
        await run.holds()
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 90_000 },
  )
  expect(statesHeld, 'steps after which a sync was held').toBeGreaterThan(0)
}, 120_000)
