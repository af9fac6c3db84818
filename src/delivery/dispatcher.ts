import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import { Desk } from './desk.ts'
import type { HungUp, NextAnswer } from './desk.ts'
import type { ConsumerRef } from './next.ts'
import type { Notifier } from './notifier.ts'

export type Dispatcher = {
  /** What `next` needs to know of a consumer; asked of the database at most once a second. Throws `not_found`. */
  find(tenantId: string, consumerId: string): Promise<ConsumerRef>
  /**
   * Up to `batchSize` deliveries; where there is none, waits up to `waitMs` for the first. When `signal` aborts before the
   * answer, nothing stays claimed for it; after it, `release` hands back. Throws `rate_limited` past max_waiting.
   */
  next(call: {
    consumer: ConsumerRef
    batchSize: number
    waitMs: number
    signal: HungUp
  }): Promise<NextAnswer>
  ack(consumer: ConsumerRef, tokens: string[]): Promise<{ acked: number; stale: number }>
  /** `delayMs` null: at once, from the fifth delivery on ever more slowly. */
  nack(
    consumer: ConsumerRef,
    tokens: string[],
    delayMs: number | null,
  ): Promise<{ nacked: number; stale: number }>
  /** More time, from now on; `waitMs` null: ack_wait_ms of the consumer. */
  extend(
    consumer: ConsumerRef,
    tokens: string[],
    waitMs: number | null,
  ): Promise<{ extended: number; stale: number }>
  /** Hands back what a client that hung up never got: as if it had never been delivered. */
  release(consumer: ConsumerRef, tokens: string[]): Promise<void>
  /** It was changed or deleted here: what is known of it is forgotten, and its waiting calls look at once. */
  changed(tenantId: string, consumer: { id: string; consumerNo: number }): void
  /** Calls of `next` that wait now. */
  waiting(): number
  /** Answers waiting calls empty, hands back what was claimed for nobody, ends. Answers that come later are still taken. */
  close(): Promise<void>
}

const findEveryMs = 1000
const foundMax = 10_000
/** A desk that nobody came to between two looks, so far apart, is cleared away. */
const sweepEveryMs = 5000

/** What becomes of deliveries, for the metrics. */
type Outcome = 'delivered' | 'acked' | 'stale' | 'nacked'

/** `sql`: the deliver pool. One dispatcher a process; several processes may serve the same consumer. */
export function createDispatcher({
  sql,
  notifier,
  count = () => undefined,
}: {
  sql: Sql
  notifier: Notifier
  count?: (outcome: Outcome, n: number) => void
}): Dispatcher {
  const desks = new Map<number, { desk: Desk; unsubscribe(): void; used: boolean }>()
  const found = new Map<string, { ref: Promise<ConsumerRef>; at: number }>()
  let closed = false

  const deskOf = (consumer: ConsumerRef): Desk => {
    const known = desks.get(consumer.consumerNo)
    if (known !== undefined) {
      known.used = true
      return known.desk
    }
    const desk = new Desk(sql, consumer, (n) => count('delivered', n))
    if (closed) void desk.close()
    const unsubscribe = notifier.subscribe(consumer.streamNo, () => desk.signal())
    desks.set(consumer.consumerNo, { desk, unsubscribe, used: true })
    return desk
  }

  const sweeper = setInterval(() => {
    const now = performance.now()
    for (const [consumerNo, kept] of desks) {
      if (kept.desk.idle && !kept.used) {
        kept.unsubscribe()
        desks.delete(consumerNo)
      }
      kept.used = false
    }
    for (const [key, { at }] of found) if (now - at > findEveryMs) found.delete(key)
  }, sweepEveryMs).unref()

  return {
    find(tenantId, consumerId) {
      const key = keyOf(tenantId, consumerId)
      const known = found.get(key)
      if (known !== undefined && performance.now() - known.at < findEveryMs) return known.ref
      const ref = lookUp(sql, tenantId, consumerId)
      // at once: when it runs out, hundreds of calls ask at the same time
      if (found.size < foundMax) found.set(key, { ref, at: performance.now() })
      ref.catch(() => {
        if (found.get(key)?.ref === ref) found.delete(key)
      })
      return ref
    },
    next: (call) => deskOf(call.consumer).next(call),
    async ack(consumer, tokens) {
      const { done, stale } = await deskOf(consumer).send({ kind: 'ack' }, tokens)
      count('acked', done)
      if (stale > 0) count('stale', stale)
      return { acked: done, stale }
    },
    async nack(consumer, tokens, delayMs) {
      const { done, stale } = await deskOf(consumer).send({ kind: 'nack', delayMs }, tokens)
      count('nacked', done)
      return { nacked: done, stale }
    },
    async extend(consumer, tokens, waitMs) {
      const said = { kind: 'extend', waitMs: waitMs ?? consumer.ackWaitMs } as const
      const { done, stale } = await deskOf(consumer).send(said, tokens)
      return { extended: done, stale }
    },
    release: async (consumer, tokens) => await deskOf(consumer).release(tokens),
    changed(tenantId, { id, consumerNo }) {
      found.delete(keyOf(tenantId, id))
      desks.get(consumerNo)?.desk.changed()
    },
    waiting: () => [...desks.values()].reduce((sum, { desk }) => sum + desk.waiting, 0),
    async close() {
      closed = true
      clearInterval(sweeper)
      await Promise.all([...desks.values()].map(({ desk }) => desk.close()))
      for (const { unsubscribe } of desks.values()) unsubscribe()
    },
  }
}

function keyOf(tenantId: string, consumerId: string): string {
  return `${tenantId} ${consumerId.toLowerCase()}`
}

async function lookUp(sql: Sql, tenantId: string, consumerId: string): Promise<ConsumerRef> {
  const [ref] = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(consumerId)
    ? await withAppErrors(
        () => sql<ConsumerRef[]>`
          select c.consumer_no as "consumerNo", c.stream_no as "streamNo", s.id as "streamId",
                 c.max_waiting as "maxWaiting", c.ack_wait_ms as "ackWaitMs"
            from consumer c
            join streams s on s.stream_no = c.stream_no
           where c.tenant_id = ${tenantId} and c.id = ${consumerId}`,
      )
    : []
  if (ref !== undefined) return ref
  throw new AppError(
    'not_found',
    'There is no consumer with this id. Check the id, and that the API key is of the right tenant.',
  )
}
