import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { purgeSource } from './purge.ts'

/** Sources of one slice: as many probes, and rows that are gone together. */
const sliceSources = 200

/**
 * What the work of a sync has left, in one transaction with `andThen`: hints, pages seen, findings, quarantine, checkpoints. The sources
 * stay as long as a record or a tombstone names them.
 */
export async function forgetWork(
  sql: Sql,
  syncId: string,
  andThen: (tx: Sql) => Promise<void>,
): Promise<void> {
  await withAppErrors(() =>
    sql.begin(async (tx) => {
      const mine = tx`select source_no from source where sync_id = ${syncId}`
      for (const table of ['touched', 'seen_page', 'finding', 'quarantine'])
        await tx`delete from ${tx(table)} where source_no in (${mine})`
      await tx`delete from checkpoint where sync_id = ${syncId}`
      await andThen(tx as unknown as Sql)
    }),
  )
}

/** Sources whose sync is gone and that no record names any more. Returns how many went. */
export async function dropSources(sql: Sql): Promise<number> {
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      const gone = await tx<{ sourceNo: number; streamNo: number }[]>`
        select s.source_no as "sourceNo", s.stream_no as "streamNo"
          from source s
         where not exists (select from syncs y where y.id = s.sync_id)
           and not exists (select from record r where r.stream_no = s.stream_no and r.source_no = s.source_no)
         order by s.source_no
         limit ${sliceSources}`
      if (gone.length === 0) return 0
      const numbers = gone.map(({ sourceNo }) => sourceNo)
      await tx`delete from checkpoint where source_no = any(${numbers}::int[])`
      await tx`delete from source where source_no = any(${numbers}::int[])`
      await tx`
        update stream set source_rev = source_rev + 1
         where stream_no = any(${gone.map(({ streamNo }) => streamNo)}::int[])`
      return numbers.length
    }),
  )
}

/**
 * Rows of streams that were deleted, with the records that had been kept in them. Goes on where it was broken off; `over` ends it
 * between two slices. Returns how many streams went.
 */
export async function dropStreams(sql: Sql, over: () => boolean): Promise<number> {
  const streams = await sql<{ streamNo: number }[]>`
    select m.stream_no as "streamNo"
      from stream m
     where not exists (select from streams s where s.stream_no = m.stream_no)
       and not exists (select from consumer c where c.stream_no = m.stream_no)`
  let dropped = 0
  for (const { streamNo } of streams) {
    if (!(await emptyStream(sql, streamNo, over))) return dropped
    await withAppErrors(() =>
      sql.begin(async (tx) => {
        await tx`delete from checkpoint where stream_no = ${streamNo}`
        await tx`delete from source where stream_no = ${streamNo}`
        await tx`delete from stream_head where stream_no = ${streamNo}`
        await tx`delete from stream where stream_no = ${streamNo}`
      }),
    )
    dropped += 1
  }
  return dropped
}

async function emptyStream(sql: Sql, streamNo: number, over: () => boolean): Promise<boolean> {
  const sources = await sql<{ sourceNo: number }[]>`
    select source_no as "sourceNo" from source where stream_no = ${streamNo}`
  for (const { sourceNo } of sources) {
    let after: string | null = null
    do {
      if (over()) return false
      const slice: { lastId: string | null } = await purgeSource(sql, {
        streamNo,
        sourceNo,
        hard: true,
        after,
      })
      after = slice.lastId
    } while (after !== null)
  }
  return true
}
