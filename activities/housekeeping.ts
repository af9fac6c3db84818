/** What keeps the database small: nobody waits for it, every worker may do it, none twice over what another one holds. */
import type { Sql } from '../src/db/pools.ts'
import { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import type { Log } from '../src/log.ts'
import { dropSources, dropStreams } from '../src/stream/orphans.ts'
import { trimSliceMax, trimStream } from '../src/stream/trim.ts'

/** Forgets tombstones that every consumer has passed, of all streams. Returns how many; throws at the end where a stream failed. */
export async function trimStreams(options: {
  sql: Sql
  log: Log
  over: () => boolean
}): Promise<number> {
  const { sql, log, over } = options
  const streams = await sql<{ streamNo: number }[]>`select stream_no as "streamNo" from streams`
  let forgotten = 0
  const errors: unknown[] = []
  for (const { streamNo } of streams) {
    try {
      let count = trimSliceMax
      while (count >= trimSliceMax && !over()) {
        const trimmed = await trimStream(sql, { streamNo, keepMs: limits.tombstoneKeepMs })
        count = trimmed.count
        forgotten += count
      }
    } catch (error) {
      // alone: the streams after it would not be trimmed either, hour after hour
      log.warn({ event: 'trim.stream_failed', streamNo, error })
      errors.push(error)
    }
  }
  if (errors.length === 0) return forgotten
  throw new AppError(
    'transient',
    `${errors.length} of ${streams.length} streams could not be trimmed. They are tried again in the next round.`,
    { cause: errors[0] },
  )
}

/** Removes what deleted syncs and deleted streams have left, once nothing names it any more. Returns how many sources and streams. */
export async function dropOrphans(sql: Sql, over: () => boolean): Promise<number> {
  let dropped = await dropStreams(sql, over)
  for (let count = 1; count > 0 && !over(); dropped += count) count = await dropSources(sql)
  return dropped
}
