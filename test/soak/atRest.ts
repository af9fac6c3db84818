import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../../src/db/pools.ts'
import { redeliverDeadLetters } from '../../src/delivery/deadLetters.ts'
import { consumerInfo } from '../../src/delivery/info.ts'
import { recordId } from '../../src/delivery/recordJson.ts'
import { isAppError } from '../../src/domain/error.ts'
import { stateOf } from '../support/stream.ts'
import type { Tested } from './consumers.ts'
import type { Kept } from './ledger.ts'
import { isConnectionError } from './world.ts'
import type { Synced, World } from './world.ts'

const patienceMs = 120_000

/**
 * The upstream stands still: feeds are read to their end, hints looked at, deliveries acked, dead letters sent out again.
 * False where it did not come to rest, which is a violation, or an actor has failed: then nothing can be compared.
 */
export async function untilAtRest(
  world: World,
  consumers: Tested[],
  status: () => { readerAtRest: boolean; failed: boolean },
): Promise<boolean> {
  const until = performance.now() + patienceMs
  let open: string[] = []
  while (performance.now() < until && !status().failed) {
    open = await whatIsOpen(world, consumers)
    if (!status().readerAtRest) open.push('the reader with a cursor')
    if (open.length === 0) return true
    await delay(200)
  }
  for (const sentence of open) world.counts.violation('never came to rest', sentence)
  return false
}

async function whatIsOpen(world: World, consumers: Tested[]): Promise<string[]> {
  try {
    return [...(await writersOpen(world)), ...(await consumersOpen(world, consumers))]
  } catch (error) {
    if (!isAppError(error, 'transient') && !isConnectionError(error)) throw error
    return ['the database did not answer']
  }
}

async function writersOpen({ watch, synced }: World): Promise<string[]> {
  const rows = await watch<{ checkpoint_no: number; position: string }[]>`
    select checkpoint_no, cursor::text as position from checkpoint where name = 'feed/changes'`
  const positions = new Map(rows.map((row) => [row.checkpoint_no, Number(row.position)]))
  const behind = synced
    .filter(({ feedNo, upstream }) => positions.get(feedNo) !== upstream.changes.length)
    .map(({ upstream }) => `the feed of ${upstream.name}`)
  const [hints] = await watch<{ n: string }[]>`select count(*) as n from touched`
  return hints?.n === '0' ? behind : [...behind, `${hints?.n} hints`]
}

async function consumersOpen(
  { watch, pools, counts }: World,
  consumers: Tested[],
): Promise<string[]> {
  const open: string[] = []
  for (const { consumer, ledger } of consumers) {
    counts.add('waits of minutes cut', await cutLongWaits(pools.deliver, consumer.consumerNo))
    counts.add(
      'dead letters sent out again',
      await redeliverDeadLetters(pools.deliver, consumer, null),
    )
    const { numPending, numAckPending } = await consumerInfo(watch, consumer.consumerNo)
    const { waiting } = await stateOf(watch, consumer.consumerNo)
    const left = numPending + numAckPending + waiting
    if (left > 0)
      open.push(
        `consumer ${ledger.name}: ${numPending} pending, ${numAckPending} out, ${waiting} waiting`,
      )
  }
  return open
}

/**
 * From the eighth failure on a delivery waits for 8 s to ten minutes, as it should: longer than anybody wants to watch. Due
 * in the future, as rows that wait are. Any other long wait is an error, and stays.
 */
async function cutLongWaits(sql: Sql, consumerNo: number): Promise<number> {
  const { count } = await sql`
    update inflight set due_at = clock_timestamp() + interval '1 s'
     where consumer_no = ${consumerNo} and op <= 0 and deliver_count >= 8
       and due_at > clock_timestamp() + interval '5 s'`
  return count
}

type Row = {
  no: string
  idx: string
  sourceNo: number
  upstreamId: string
  deleted: boolean
  data: string
}

/** Table = upstream, every consumer's acked versions and view = table, the reader's view = table (G4, G11). */
export async function checkAtRest(
  world: World,
  consumers: Tested[],
  readerView: Map<string, Kept>,
): Promise<void> {
  const { watch, stream, synced, counts } = world
  const rows = await watch<Row[]>`
    select record_no as no, updated_idx as idx, source_no as "sourceNo", upstream_id as "upstreamId", deleted, data
      from record
     where stream_no = ${stream.streamNo}`
  counts.add('records', rows.length)
  checkTable(world, rows)
  const sources = new Map(synced.map((one) => [one.sourceNo, one]))
  for (const tested of consumers) checkConsumer(world, tested, rows, sources)
  checkView(world, 'the reader with a cursor', readerView, rows)
}

function checkTable({ synced, counts }: World, rows: Row[]): void {
  const stored = new Map(rows.map((row) => [`${row.sourceNo}/${row.upstreamId}`, row]))
  for (const { sourceNo, upstream } of synced) {
    for (const [id, raw] of upstream.snapshot()) {
      const row = stored.get(`${sourceNo}/${id}`)
      const is = row === undefined || row.deleted ? null : row.data
      if (is !== raw) {
        counts.violation(
          'table is not the upstream',
          `${upstream.name} ${id} is ${is} in the table and ${raw} there`,
        )
      }
    }
  }
}

function checkConsumer(
  world: World,
  { ledger, fits }: Tested,
  rows: Row[],
  sources: Map<number, Synced>,
): void {
  const mine = rows.filter(({ sourceNo }) => fits(sources.get(sourceNo)!))
  world.counts.add(`records of consumer ${ledger.name}`, mine.length)
  checkView(world, `consumer ${ledger.name}`, ledger.view, mine)
  for (const row of mine) {
    const id = idOf(world, row)
    if (ledger.acked.get(id) === Number(row.idx) || ledger.maybeAcked.get(id) === Number(row.idx))
      continue
    world.counts.violation(
      'lost',
      `${ledger.name}: ${id} at ${row.idx} was acked at ${ledger.acked.get(id)}`,
    )
  }
}

function checkView(world: World, name: string, view: Map<string, Kept>, rows: Row[]): void {
  for (const row of rows) {
    const kept = view.get(idOf(world, row))
    const same =
      kept !== undefined &&
      kept.idx === Number(row.idx) &&
      kept.deleted === row.deleted &&
      kept.data === JSON.stringify(JSON.parse(row.data))
    if (!same)
      world.counts.violation(
        'view is not the table',
        `${name}: ${row.upstreamId} at ${row.idx}, has ${JSON.stringify(kept)}`,
      )
  }
  if (view.size !== rows.length) {
    world.counts.violation(
      'view is not the table',
      `${name} has ${view.size} records of ${rows.length}`,
    )
  }
}

function idOf({ stream }: World, { no }: Row): string {
  return recordId(stream.streamNo, no)
}
