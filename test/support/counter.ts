import { expect } from 'vitest'
import type { Consumer, ConsumerSettings } from '../../src/delivery/consumers.ts'
import type { NextAnswer } from '../../src/delivery/desk.ts'
import { createDispatcher } from '../../src/delivery/dispatcher.ts'
import { createNotifier } from '../../src/delivery/notifier.ts'
import { writePage } from '../../src/stream/write.ts'
import type { TestDatabase } from './database.ts'
import { makeConsumer, makeSource, makeStream, observe, pageOf } from './stream.ts'
import type { TestSource, TestStream } from './stream.ts'

export type Scene = { stream: TestStream; source: TestSource; consumer: Consumer }

/** A dispatcher on a database, and what tests do with its consumers. */
export function openCounter(database: TestDatabase) {
  const notifier = createNotifier(database.pools.listen)
  const dispatcher = createDispatcher({ sql: database.pools.deliver, notifier })

  async function setUp(settings: Partial<ConsumerSettings> = {}): Promise<Scene> {
    const stream = await makeStream(database.sql)
    const source = await makeSource(database.sql, stream)
    return { stream, source, consumer: await makeConsumer(database.sql, stream, settings) }
  }

  async function put({ stream, source }: Scene, ids: string[], at = 0, value: unknown = at) {
    return await writePage(
      database.sql,
      pageOf(
        stream,
        ids.map((id) => observe(source, id, { at, value })),
      ),
    )
  }

  async function next(
    { consumer }: Scene,
    batchSize = 100,
    waitMs = 0,
    signal = new AbortController().signal,
  ) {
    return await dispatcher.next({ consumer, batchSize, waitMs, signal })
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

  async function close(): Promise<void> {
    await dispatcher.close()
    await notifier.close()
  }

  return { dispatcher, notifier, setUp, put, next, timePasses, countsHold, close }
}

export function tokensOf({ items }: NextAnswer): string[] {
  return items.map(({ ackToken }) => ackToken)
}

type Parsed = {
  id: string
  upstream_id: string
  updated_idx: number
  deleted: boolean
  data: { value: unknown }
}

export function recordsOf({ items }: NextAnswer): Parsed[] {
  return items.map(({ recordJson }) => JSON.parse(recordJson) as Parsed)
}

export function idsOf(answer: NextAnswer): string[] {
  return recordsOf(answer).map(({ upstream_id }) => upstream_id)
}
