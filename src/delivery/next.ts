import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { recordJson } from './recordJson.ts'
import { encodeToken } from './token.ts'

/** What the room must know of a consumer to serve it. */
export type ConsumerRef = {
  consumerNo: number
  streamNo: number
  streamId: string
  maxWaiting: number
  ackWaitMs: number
}

/** One delivery: the record's complete wire JSON, and the token that acks it. */
export type Item = { ackToken: string; recordJson: string; redelivered: boolean }

/** Claims up to `count` deliveries. Throws AppError `not_found` where the consumer is gone. For the deliver pool. */
export async function claim(sql: Sql, consumer: ConsumerRef, count: number): Promise<Item[]> {
  const rows = await withAppErrors(
    () => sql<Claimed[]>`
      select r_no as no, r_op as op, r_nonce as nonce, r_idx as idx, r_count as count, r_source as "sourceNo",
             r_upstream as "upstreamId", r_deleted as deleted, r_created as "createdAt", r_updated as "updatedAt",
             r_inserted as "insertedAt", r_data as data,
             case when lag(r_source) over () is distinct from r_source then stream_source_json_v1(r_source) end as source
        from stream_next_v2(${consumer.consumerNo}, ${count})`,
  )
  const sources = new Map<number, string>()
  for (const { sourceNo, source } of rows) if (source !== null) sources.set(sourceNo, source)
  return rows.map((row) => ({
    ackToken: encodeToken({
      consumerNo: consumer.consumerNo,
      recordNo: row.no,
      op: row.op,
      nonce: row.nonce,
    }),
    recordJson: recordJson(consumer, sources.get(row.sourceNo)!, row),
    redelivered: row.count > 1,
  }))
}

type Claimed = {
  no: string
  op: string
  nonce: string
  idx: string
  count: number
  sourceNo: number
  upstreamId: string
  deleted: boolean
  createdAt: string | null
  updatedAt: string | null
  insertedAt: string
  data: string
  /** Only at the first of a run of rows of one source. */
  source: string | null
}
