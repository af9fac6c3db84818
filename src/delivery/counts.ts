import { withAppErrors } from '../db/errors.ts'
import type { Query } from '../db/pools.ts'
import { isoTime } from './recordJson.ts'

export type RecordCounts = {
  /** When the versions that came in first and last of those that are there came in: ISO 8601. */
  oldestAt: string | null
  newestAt: string | null
  collections: { syncId: string; collectionId: string; records: number; deleted: number }[]
}

export type Counter = {
  /** What a stream holds; at most as old as 20 times what counting it took. */
  of(streamNo: number): Promise<RecordCounts>
}

/** Counting takes one twentieth of the time at most, however often it is asked for. */
const restFactor = 20
/** Streams remembered; beyond, the one counted longest ago is forgotten. */
const remembered = 1000

/**
 * Counts the records of streams. A count of ten million takes about a second, so it is shared by all who ask meanwhile, and kept for
 * a while: small streams (a millisecond) are in effect counted every time.
 */
export function createCounter(sql: Query, now: () => number): Counter {
  const known = new Map<number, { counts: Promise<RecordCounts>; untilMs: number }>()
  return {
    async of(streamNo) {
      const found = known.get(streamNo)
      if (found !== undefined && now() < found.untilMs) return await found.counts
      const startedMs = now()
      const entry = { counts: countRecords(sql, streamNo), untilMs: Infinity }
      known.delete(streamNo)
      known.set(streamNo, entry)
      const [oldest] = known.keys()
      if (known.size > remembered && oldest !== undefined) known.delete(oldest)
      try {
        const counts = await entry.counts
        const endedMs = now()
        entry.untilMs = endedMs + (endedMs - startedMs) * restFactor
        return counts
      } catch (error) {
        if (known.get(streamNo) === entry) known.delete(streamNo)
        throw error
      }
    },
  }
}

/** From the indexes alone: 100 ms at a million records. */
async function countRecords(sql: Query, streamNo: number): Promise<RecordCounts> {
  const [[ends], collections] = await withAppErrors(() =>
    Promise.all([
      sql<{ oldest: string | null; newest: string | null }[]>`
        select (select r.changed_at from record r where r.stream_no = ${streamNo} order by r.updated_idx limit 1) as oldest,
               (select r.changed_at from record r where r.stream_no = ${streamNo} order by r.updated_idx desc limit 1) as newest`,
      sql<RecordCounts['collections']>`
        select s.sync_id as "syncId", s.collection_id as "collectionId",
               (a.n - coalesce(d.n, 0))::float8 as records, coalesce(d.n, 0)::float8 as deleted
          from (select source_no, count(*) as n from record where stream_no = ${streamNo} group by source_no) a
          left join (
            select source_no, count(*) as n from record where stream_no = ${streamNo} and deleted group by source_no) d
            on d.source_no = a.source_no
          join source s on s.source_no = a.source_no
         order by s.collection_id, s.sync_id`,
    ]),
  )
  return {
    oldestAt: isoTime(ends?.oldest ?? null),
    newestAt: isoTime(ends?.newest ?? null),
    collections,
  }
}
