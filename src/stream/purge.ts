import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { wake } from './wake.ts'

/** Records of one slice of a purge: others wait for the stream's lock that long, 50 ms. */
export const purgeSliceMax = 1000

/** `count`: records that went. `lastId`: null at the end. */
export type PurgedSlice = { count: number; lastId: string | null }

/**
 * One slice of taking a source's records away: as tombstones, which consumers see, or `hard`, which nobody hears of. Call
 * again with `lastId` until it is null. Fence the sync's readers first, else they go on writing.
 */
export async function purgeSource(
  sql: Sql,
  input: { streamNo: number; sourceNo: number; hard: boolean; after: string | null },
): Promise<PurgedSlice> {
  const { streamNo, sourceNo, hard, after } = input
  const [row] = await withAppErrors(
    () => sql<{ n: number; last_id: string | null }[]>`
      select n, last_id from stream_drop_v2(${streamNo}, ${sourceNo}, ${hard}, ${after ?? ''}, ${purgeSliceMax})`,
  )
  if (!hard && row!.n > 0) wake(sql, streamNo)
  return { count: row!.n, lastId: row!.last_id }
}
