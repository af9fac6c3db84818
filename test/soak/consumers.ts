import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../../src/db/pools.ts'
import type { Consumer } from '../../src/delivery/consumers.ts'
import type { Dispatcher } from '../../src/delivery/dispatcher.ts'
import { listRecords } from '../../src/delivery/records.ts'
import { decodeToken } from '../../src/delivery/token.ts'
import type { Item } from '../../src/delivery/next.ts'
import type { Held, Kept, Ledger } from './ledger.ts'
import type { Random } from '../support/random.ts'
import type { Synced, World } from './world.ts'
import { eachRound } from './world.ts'

export type Tested = { consumer: Consumer; ledger: Ledger; fits(one: Synced): boolean }

type Given = { held: Held; kept: Kept }

/**
 * A worker of a consumer: takes some, then acks, nacks, extends, is late, or dies without a word. When the world is at rest
 * it only acks.
 */
export async function work(
  world: World,
  tested: Tested,
  dispatcher: Dispatcher,
  random: Random,
): Promise<void> {
  const { consumer } = tested
  const late: Promise<void>[] = []
  await eachRound(world, world.end, 'worker', async () => {
    const hangUp = new AbortController()
    if (random.chance(0.05)) setTimeout(() => hangUp.abort(), random.int(60))
    const batchSize = 1 + random.int(20)
    const { items } = await dispatcher.next({
      consumer,
      batchSize,
      waitMs: 300,
      signal: hangUp.signal,
    })
    if (items.length === 0) return
    if (hangUp.signal.aborted || (!world.stop.aborted && random.chance(0.02))) {
      world.counts.add('deliveries handed back', items.length)
      await dispatcher.release(
        consumer,
        items.map(({ ackToken }) => ackToken),
      )
      return
    }
    for (const given of await receive(world, tested, items)) {
      if (world.stop.aborted) await ack(world, tested, dispatcher, given)
      else await treat(world, tested, dispatcher, random, given, late)
    }
  })
  await Promise.all(late)
}

/** Enters deliveries into the ledger in the moment they come, and after that when they run out, as the database has it. */
async function receive(world: World, tested: Tested, items: Item[]): Promise<Given[]> {
  const { consumer, ledger } = tested
  world.counts.add('deliveries', items.length)
  const backwards: Held[] = []
  const given = items.map((item) => {
    const one = givenOf(world, tested, item)
    if (!ledger.received(one.held)) backwards.push(one.held)
    return one
  })
  const tokens = items.map(({ ackToken }) => decodeToken(ackToken)!)
  const recordNos = tokens.map(({ recordNo }) => recordNo)
  const due = await dueOf(world.watch, consumer.consumerNo, recordNos).catch(() => null)
  for (const [i, { held }] of given.entries()) {
    const { recordNo, op, nonce } = tokens[i]!
    held.dueMs = due?.get(`${recordNo} ${op} ${nonce}`) ?? null
    if (backwards.includes(held)) ledger.cameBackwards(held, (held.dueMs ?? 0) > Date.now())
  }
  return given.filter(({ held }) => !backwards.includes(held))
}

function givenOf({ synced, counts }: World, { ledger, fits }: Tested, item: Item): Given {
  const { id, sync_id, updated_idx, deleted, data } = JSON.parse(item.recordJson) as {
    id: string
    sync_id: string
    updated_idx: number
    deleted: boolean
    data: unknown
  }
  const source = synced.find(({ syncId }) => syncId === sync_id)
  if (source !== undefined && !fits(source)) {
    counts.violation('filter', `${ledger.name} was given a record of ${source.collectionId}`)
  }
  return {
    held: {
      token: item.ackToken,
      recordId: id,
      idx: updated_idx,
      dueMs: null,
      receivedMs: Date.now(),
      over: false,
      undone: false,
    },
    kept: { idx: updated_idx, data: JSON.stringify(data), deleted },
  }
}

async function dueOf(
  sql: Sql,
  consumerNo: number,
  recordNos: string[],
): Promise<Map<string, number>> {
  const rows = await sql<{ token: string; due: string }[]>`
    select record_no || ' ' || op || ' ' || nonce as token, extract(epoch from due_at) * 1000 as due
      from inflight
     where consumer_no = ${consumerNo} and record_no = any(${recordNos}::bigint[])`
  return new Map(rows.map(({ token, due }) => [token, Number(due)]))
}

async function treat(
  world: World,
  tested: Tested,
  dispatcher: Dispatcher,
  random: Random,
  given: Given,
  late: Promise<void>[],
): Promise<void> {
  const { consumer } = tested
  const { held } = given
  const way = isPoisoned(held) ? 0.8 : random.next()
  if (way < 0.78) {
    if (random.chance(0.1)) await delay(random.int(20))
    await ack(world, tested, dispatcher, given)
  } else if (way < 0.88) {
    held.over = true
    world.counts.add('nacks')
    await dispatcher.nack(consumer, [held.token], random.chance(0.5) ? random.int(500) : null)
  } else if (way < 0.92) {
    world.counts.add('extends')
    await dispatcher.extend(consumer, [held.token], 2000)
    held.dueMs = null // more than it was: how much more is not needed
    await ack(world, tested, dispatcher, given)
  } else if (way < 0.97) {
    world.counts.add('late acks')
    const patienceMs = consumer.ackWaitMs * (0.8 + random.next())
    const acked = delay(patienceMs).then(() => ack(world, tested, dispatcher, given))
    late.push(acked.catch(() => undefined))
  } else world.counts.add('deaths')
}

/** Some versions fail at every try: they become dead letters where there is a cap. */
function isPoisoned({ idx }: Held): boolean {
  return idx % 97 === 0
}

/** Work first, ack after. */
async function ack(
  world: World,
  { consumer, ledger }: Tested,
  dispatcher: Dispatcher,
  given: Given,
): Promise<void> {
  const { held, kept } = given
  ledger.processed(held.recordId, kept)
  const wasReplaced = ledger.isReplaced(held)
  held.over = true
  try {
    const { acked } = await dispatcher.ack(consumer, [held.token])
    ledger.ackAnswered(held, wasReplaced, acked)
    world.counts.add('acks', acked)
  } catch (error) {
    ledger.ackAnswered(held, wasReplaced, null)
    throw error
  }
}

/** A reader without a consumer, that keeps a cursor: it must miss nothing either (G4). */
export async function readAlong(
  world: World,
  view: Map<string, Kept>,
  tell: (atRest: boolean) => void,
): Promise<void> {
  let after: string | null = null
  await eachRound(world, world.end, 'reader', async () => {
    const { tenantId, streamId } = world.stream
    const page: { records: string[]; nextCursor: string | null } = await listRecords(
      world.pools.deliver,
      tenantId,
      {
        streamId,
        filters: {},
        upstreamId: null,
        after,
        limit: 50,
      },
    )
    for (const text of page.records) {
      const { id, updated_idx: idx, data, deleted } = JSON.parse(text)
      view.set(id, { idx, data: JSON.stringify(data), deleted })
    }
    after = page.nextCursor ?? after
    tell(page.records.length === 0)
    return page.records.length > 0
  })
}
