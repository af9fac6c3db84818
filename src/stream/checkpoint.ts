import { withAppErrors } from '../db/errors.ts'
import { toNumber, toNumberOrNull } from '../db/pools.ts'
import type { Query, Sql } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import type { Fence, Json } from './write.ts'

/** Half-open span of creation times in ms; null: no bound. */
export type Span = { loMs: number | null; hiMs: number | null }

export type CheckpointKind = 'range' | 'feed' | 'relist'

export type Claim = Span & {
  fence: Fence
  streamNo: number
  syncId: string
  name: string
  kind: CheckpointKind
  /** Null for feeds. */
  sourceNo: number | null
  generation: number | null
  rangeNo: number | null
  /** Null: from the start. */
  cursor: Json
  done: boolean
}

/**
 * Starts an enumeration of a collection: its next generation, one row for each range, given newest first. What older
 * generations left (ranges, pages seen) goes, and what they found becomes a number; whoever still reads one of their ranges
 * is fenced by that. A held mass delete goes on waiting. Returns the generation.
 */
export async function beginGeneration(
  sql: Sql,
  input: {
    syncId: string
    sourceNo: number
    streamNo: number
    collectionId: string
    ranges: Span[]
  },
): Promise<number> {
  const { syncId, sourceNo, streamNo, collectionId, ranges } = input
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      const [row] = await tx<{ generation: number }[]>`
        update source
           set generation = generation + 1,
               enumerate_due_at = null,
               coverage = coverage || ${countedFindings(tx)},
               phase = case when backfilled_at is null and blocked_at is null then 'backfilling' else phase end
         where source_no = ${sourceNo} and sync_id = ${syncId}
        returning generation`
      if (row === undefined)
        throw new AppError('not_found', 'The collection is no longer part of the sync.')
      const { generation } = row
      await tx`delete from finding where source_no = ${sourceNo} and kind in ('different', 'missing')`
      await tx`delete from seen_page where source_no = ${sourceNo} and generation < ${generation}`
      await tx`delete from checkpoint where source_no = ${sourceNo} and kind = 'range' and generation < ${generation}`
      await tx`
        insert into checkpoint (stream_no, sync_id, name, kind, source_no, generation, range_no, lo_ms, hi_ms)
        select ${streamNo}, ${syncId}, ${rangePrefix(collectionId, generation)} || t.n, 'range', ${sourceNo}, ${generation},
               t.n, t.lo, t.hi
          from unnest(${ranges.map(({ loMs }) => loMs)}::bigint[], ${ranges.map(({ hiMs }) => hiMs)}::bigint[])
               with ordinality t(lo, hi, n)`
      return generation
    }),
  )
}

/** What the last enumeration of each row of `source` has come to so far. */
function countedFindings(sql: Query) {
  return sql`(
    select jsonb_build_object(
             'repaired', count(*) filter (where f.kind = 'different'),
             'tombstoned', count(*) filter (where f.kind = 'missing' and r.deleted))
      from finding f
      left join record r
        on r.stream_no = source.stream_no and r.source_no = f.source_no and r.upstream_id = f.upstream_id
     where f.source_no = source.source_no and f.generation = source.generation)`
}

export type OpenRange = Span & { checkpointNo: number; rangeNo: number; generation: number }

/** Ranges of the collection's current generation that are not done, newest first. */
export async function openRanges(
  sql: Query,
  { sourceNo }: { sourceNo: number },
): Promise<OpenRange[]> {
  const rows = await withAppErrors(
    () => sql<RangeRow[]>`
      select c.checkpoint_no, c.range_no, c.generation, c.lo_ms, c.hi_ms
        from source s
        join checkpoint c on c.source_no = s.source_no and c.generation = s.generation
       where s.source_no = ${sourceNo} and c.kind = 'range' and c.done_at is null
       order by c.hi_ms desc nulls first, c.range_no`,
  )
  return rows.map((row) => ({
    checkpointNo: row.checkpoint_no,
    rangeNo: row.range_no,
    generation: row.generation,
    loMs: toNumberOrNull(row.lo_ms),
    hiMs: toNumberOrNull(row.hi_ms),
  }))
}

type RangeRow = {
  checkpoint_no: number
  range_no: number
  generation: number
  lo_ms: string | null
  hi_ms: string | null
}

/**
 * Takes a checkpoint over: whoever held it before can write nothing any more (G9). Waits for a page that is being
 * committed. Throws AppError `stopped` where the checkpoint is gone (a newer generation began, the sync was removed).
 */
export async function claim(sql: Query, checkpointNo: number): Promise<Claim> {
  const [row] = await withAppErrors(
    () => sql<ClaimRow[]>`
      update checkpoint
         set lease = gen_random_uuid()
       where checkpoint_no = ${checkpointNo}
      returning checkpoint_no, lease, epoch, cursor, stream_no, sync_id, name, kind, source_no, generation, range_no,
                lo_ms, hi_ms, done_at is not null as done`,
  )
  if (row === undefined) {
    throw new AppError(
      'stopped',
      'This piece of work is gone: a newer enumeration began, or the sync was removed.',
    )
  }
  return claimOf(row)
}

function claimOf(row: ClaimRow): Claim {
  return {
    fence: { checkpointNo: row.checkpoint_no, lease: row.lease, epoch: toNumber(row.epoch) },
    cursor: row.cursor === null ? null : (JSON.parse(row.cursor) as Json),
    streamNo: row.stream_no,
    syncId: row.sync_id,
    name: row.name,
    kind: row.kind,
    sourceNo: row.source_no,
    generation: row.generation,
    rangeNo: row.range_no,
    loMs: toNumberOrNull(row.lo_ms),
    hiMs: toNumberOrNull(row.hi_ms),
    done: row.done,
  }
}

type ClaimRow = {
  checkpoint_no: number
  lease: string
  epoch: string
  cursor: string | null
  stream_no: number
  sync_id: string
  name: string
  kind: CheckpointKind
  source_no: number | null
  generation: number | null
  range_no: number | null
  lo_ms: string | null
  hi_ms: string | null
  done: boolean
}

/**
 * Cuts a range that is being read, from within, at `midsMs` (newest first): ours becomes [newest, hi), the parts that are
 * older are new ranges, and the caller's already. Answers with them, newest first; with none where one of the times does not
 * lie inside, or the range is done. Throws AppError `stopped` when fenced.
 */
export async function splitRange(
  sql: Sql,
  fence: Fence,
  { midsMs }: { midsMs: number[] },
): Promise<Claim[]> {
  const newestMs = midsMs[0]
  const oldestMs = midsMs.at(-1)
  if (newestMs === undefined || oldestMs === undefined) return []
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      // the source first, like beginGeneration, else the two could wait for each other
      await tx`
        select 1
          from source
         where source_no = (select source_no from checkpoint where checkpoint_no = ${fence.checkpointNo})
           for no key update`
      const [ours] = await tx<SplitRow[]>`
        select c.source_no, c.generation, c.lo_ms,
               c.done_at is null
                 and coalesce(c.lo_ms < ${oldestMs}::bigint, true)
                 and coalesce(c.hi_ms > ${newestMs}::bigint, true) as inside
          from checkpoint c
         where c.checkpoint_no = ${fence.checkpointNo} and c.lease = ${fence.lease} and c.epoch = ${fence.epoch}
           for no key update`
      if (ours === undefined) {
        throw new AppError('stopped', 'Another run took this range over.', { code: 'fenced' })
      }
      if (!ours.inside) return []
      await tx`update checkpoint set lo_ms = ${newestMs} where checkpoint_no = ${fence.checkpointNo}`
      const losMs = [...midsMs.slice(1), toNumberOrNull(ours.lo_ms)]
      const rows = await tx<ClaimRow[]>`
        insert into checkpoint (stream_no, sync_id, name, kind, source_no, generation, range_no, lo_ms, hi_ms, lease)
        select c.stream_no, c.sync_id, regexp_replace(c.name, '[0-9]+$', '') || m.n + t.at, 'range', c.source_no, c.generation,
               m.n + t.at, t.lo, t.hi, gen_random_uuid()
          from checkpoint c
         cross join (
           select max(range_no) as n
             from checkpoint
            where source_no = ${ours.source_no} and generation = ${ours.generation} and kind = 'range') m
         cross join unnest(${losMs}::bigint[], ${midsMs}::bigint[]) with ordinality t(lo, hi, at)
         where c.checkpoint_no = ${fence.checkpointNo}
        returning checkpoint_no, lease, epoch, cursor, stream_no, sync_id, name, kind, source_no, generation, range_no,
                  lo_ms, hi_ms, done_at is not null as done`
      return rows.map(claimOf).toSorted((a, b) => a.rangeNo! - b.rangeNo!)
    }),
  )
}

type SplitRow = { source_no: number; generation: number; lo_ms: string | null; inside: boolean }

/** The checkpoint of a feed or a relist window; `start` is its first cursor, and says nothing where the row is there. */
export async function ensureFeed(
  sql: Query,
  input: {
    syncId: string
    streamNo: number
    name: string
    kind: 'feed' | 'relist'
    sourceNo: number | null
    start: Json
  },
): Promise<{ checkpointNo: number }> {
  const { syncId, streamNo, name, kind, sourceNo, start } = input
  await withAppErrors(
    () => sql`
      insert into checkpoint (stream_no, sync_id, name, kind, source_no, cursor)
      values (${streamNo}, ${syncId}, ${name}, ${kind}, ${sourceNo}, ${JSON.stringify(start)}::json)
      on conflict (sync_id, name) do nothing`,
  )
  const found = (await feedsOf(sql, syncId)).find((feed) => feed.name === name)
  if (found === undefined) throw new AppError('stopped', 'The sync was removed meanwhile.')
  return { checkpointNo: found.checkpointNo }
}

export type FeedCheckpoint = {
  checkpointNo: number
  name: string
  kind: 'feed' | 'relist'
  sourceNo: number | null
  /** When its cursor moved last, or when it was made: ms since 1970. */
  movedAtMs: number
}

/** All feeds and relist windows of a sync that have a position. */
export async function feedsOf(sql: Query, syncId: string): Promise<FeedCheckpoint[]> {
  return await withAppErrors(
    () => sql<FeedCheckpoint[]>`
      select checkpoint_no as "checkpointNo", name, kind, source_no as "sourceNo",
             (extract(epoch from coalesce(moved_at, created_at)) * 1000)::float8 as "movedAtMs"
        from checkpoint
       where sync_id = ${syncId} and kind in ('feed', 'relist')
       order by name`,
  )
}

/** Fences every reader of a sync at once (pause, resync, removal): in the transaction that moves the sync's own epoch. */
export async function fenceSync(sql: Query, syncId: string): Promise<void> {
  await sql`update checkpoint set epoch = epoch + 1 where sync_id = ${syncId}`
}

function rangePrefix(collectionId: string, generation: number): string {
  return `range/${collectionId}/${generation}/`
}
