import { withAppErrors } from '../db/errors.ts'
import type { Query } from '../db/pools.ts'
import { notACursor, numberCursor, readNumberCursor } from '../domain/cursor.ts'
import { AppError } from '../domain/error.ts'
import type { Consumer } from './consumers.ts'
import { isoTime, parseRecordId, recordJson } from './recordJson.ts'
import type { RecordRow } from './recordJson.ts'

export type DeadLetter = { recordJson: string; deliverCount: number; diedAt: string }

/** Records in one call of redeliver or drop. */
const batchMax = 1000

/** What past max_deliver was set aside, by record; not where a newer version has superseded it meanwhile. */
export async function listDeadLetters(
  sql: Query,
  consumer: Consumer,
  options: { limit: number; cursor: string | null },
): Promise<{ rows: DeadLetter[]; nextCursor: string | null }> {
  await bury(sql, consumer)
  const rows = await withAppErrors(
    () => sql<(RecordRow & { source: string; deliverCount: number; diedAt: string })[]>`
      select r.record_no as no, r.updated_idx as idx, r.upstream_id as "upstreamId", r.deleted,
             r.upstream_created_at as "createdAt", r.upstream_updated_at as "updatedAt", r.changed_at as "insertedAt", r.data,
             stream_source_json_v1(r.source_no) as source, l.deliver_count as "deliverCount", l.died_at as "diedAt"
        from dead_letter l
        join record r on r.stream_no = ${consumer.streamNo} and r.record_no = l.record_no and r.updated_idx = l.idx
       where l.consumer_no = ${consumer.consumerNo} and l.record_no > ${readCursor(options.cursor)}::bigint
       order by l.record_no
       limit ${options.limit + 1}`,
  )
  const kept = rows.slice(0, options.limit)
  const last = kept.at(-1)
  return {
    rows: kept.map((row) => ({
      recordJson: recordJson(consumer, row.source, row),
      deliverCount: row.deliverCount,
      diedAt: isoTime(row.diedAt)!,
    })),
    nextCursor: rows.length > options.limit && last !== undefined ? numberCursor(last.no) : null,
  }
}

/** Back to work, with a count of zero; `recordIds` null: all. Returns how many. */
export async function redeliverDeadLetters(
  sql: Query,
  consumer: Consumer,
  recordIds: string[] | null,
): Promise<number> {
  return await eachBatch(sql, consumer, recordIds, async (batch) => {
    const [row] = await sql<{ n: number }[]>`
      select stream_redeliver_v2(${consumer.consumerNo}, ${batch}::bigint[]) as n`
    return row?.n ?? 0
  })
}

/** Forgets them; `recordIds` null: all. Returns how many. */
export async function dropDeadLetters(
  sql: Query,
  consumer: Consumer,
  recordIds: string[] | null,
): Promise<number> {
  return await eachBatch(sql, consumer, recordIds, async (batch) => {
    const result = await sql`
      delete from dead_letter where consumer_no = ${consumer.consumerNo} and record_no = any(${batch}::bigint[])`
    return result.count
  })
}

/** Those that ran out, too, where no worker has called since to find them. */
async function bury(sql: Query, { consumerNo }: Consumer): Promise<void> {
  await withAppErrors(() => sql`select from stream_next_v2(${consumerNo}, 0)`)
}

async function eachBatch(
  sql: Query,
  consumer: Consumer,
  recordIds: string[] | null,
  work: (recordNos: string[]) => Promise<number>,
): Promise<number> {
  await bury(sql, consumer)
  return await withAppErrors(async () => {
    const numbers = recordIds === null ? await all(sql, consumer) : numbersOf(consumer, recordIds)
    let count = 0
    for (let from = 0; from < numbers.length; from += batchMax) {
      count += await work(numbers.slice(from, from + batchMax))
    }
    return count
  })
}

async function all(sql: Query, consumer: Consumer): Promise<string[]> {
  const rows = await sql<{ no: string }[]>`
    select record_no as no from dead_letter where consumer_no = ${consumer.consumerNo} order by record_no`
  return rows.map(({ no }) => no)
}

/** What is no id of a record of this stream names nothing. */
function numbersOf(consumer: Consumer, recordIds: string[]): string[] {
  return recordIds
    .map(parseRecordId)
    .filter((parsed) => parsed !== null && parsed.streamNo === consumer.streamNo)
    .map((parsed) => String(parsed!.recordNo))
}

function readCursor(cursor: string | null): string {
  if (cursor === null) return '0'
  const no = readNumberCursor(cursor)
  if (no !== null) return no
  throw new AppError('invalid', `The cursor ${notACursor}.`, { fields: { cursor: [notACursor] } })
}
