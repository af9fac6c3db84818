/** What keeps the database small: nobody waits for it, every worker may do it, none twice over what another one holds. */
import type { Sql } from '../src/db/pools.ts'
import { limits } from '../src/domain/limits.ts'
import { dropSources, dropStreams } from '../src/stream/orphans.ts'
import { trimSliceMax, trimStream } from '../src/stream/trim.ts'

/** Forgets tombstones that every consumer has passed, of all streams. Returns how many. */
export async function trimStreams(sql: Sql, over: () => boolean): Promise<number> {
  const streams = await sql<{ streamNo: number }[]>`select stream_no as "streamNo" from streams`
  let forgotten = 0
  for (const { streamNo } of streams) {
    let count = trimSliceMax
    while (count >= trimSliceMax && !over()) {
      const trimmed = await trimStream(sql, { streamNo, keepMs: limits.tombstoneKeepMs })
      count = trimmed.count
      forgotten += count
    }
  }
  return forgotten
}

/** Removes what deleted syncs and deleted streams have left, once nothing names it any more. Returns how many sources and streams. */
export async function dropOrphans(sql: Sql, over: () => boolean): Promise<number> {
  let dropped = await dropStreams(sql, over)
  for (let count = 1; count > 0 && !over(); dropped += count) count = await dropSources(sql)
  return dropped
}
