import { withAppErrors } from '../db/errors.ts'
import { toNumberOrNull } from '../db/pools.ts'
import type { Sql } from '../db/pools.ts'

/** Tombstones of one slice of a trim. */
export const trimSliceMax = 1000

export type Trimmed = {
  count: number
  /** Only tombstones up to here were looked at; null: the stream has no consumers. */
  floorIdx: number | null
  /** The slowest consumer, which holds the rest back. */
  heldBy: number | null
}

/**
 * One slice of forgetting old tombstones; call again while `count` is `trimSliceMax`. `keepMs` must be longer than any
 * observation can be on its way: afterwards nothing remembers the delete.
 */
export async function trimStream(
  sql: Sql,
  { streamNo, keepMs }: { streamNo: number; keepMs: number },
): Promise<Trimmed> {
  const [row] = await withAppErrors(
    () => sql<{ n: number; floor_idx: string | null; held_by: number | null }[]>`
      select n, floor_idx, held_by
        from stream_trim_v1(${streamNo}, ${keepMs}::float8 * interval '1 ms', ${trimSliceMax})`,
  )
  return { count: row!.n, floorIdx: toNumberOrNull(row!.floor_idx), heldBy: row!.held_by }
}
