import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { askForMissing } from './quarantine.ts'
import { sweep } from './sweep.ts'
import type { Swept } from './sweep.ts'

/**
 * Ends an enumeration whose every range is done: sweeps (sweep.ts), keeps what was compared as evidence, sets the time of
 * the next one, and the collection is live. Null where a range is still open or another generation began meanwhile.
 *
 * `startedAt`: when the enumeration began (default: when its ranges were made). `boundsFromMs`: only records created since
 * were listed. `deletable`: a record that is missing may be gone, so the candidates become hints. One transaction, that
 * reads each record of the collection once.
 */
export async function finishEnumeration(
  sql: Sql,
  input: {
    streamNo: number
    sourceNo: number
    generation: number
    startedAt?: string
    boundsFromMs: number | null
    deletable: boolean
    /** The provider can be asked for one record. */
    byId: boolean
    nextDueMs: number
    /** How often it is looked at from now on (ms); null or left out: as before. */
    lookEveryMs?: number | null
  },
): Promise<Swept | null> {
  const { sourceNo, generation, nextDueMs, lookEveryMs = null } = input
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      await tx`set local statement_timeout = '10min'`
      const [source] = await tx`
        select 1
          from source s
         where s.source_no = ${sourceNo} and s.generation = ${generation} and s.enumerate_due_at is null
           and not exists (
             select 1 from checkpoint c
              where c.source_no = s.source_no and c.generation = s.generation and c.kind = 'range' and c.done_at is null)
           for no key update of s`
      if (source === undefined) return null
      const swept = await sweep(tx, input)
      const { compared, candidates, kept, held } = swept
      await tx`
        update source
           set phase = case when blocked_at is null then 'live' else phase end,
               backfilled_at = coalesce(backfilled_at, clock_timestamp()),
               last_checked_at = clock_timestamp(),
               look_every_ms = coalesce(round(${lookEveryMs}::float8)::bigint, look_every_ms),
               enumerate_due_at = clock_timestamp() + ${nextDueMs}::float8 * interval '1 ms',
               coverage = jsonb_build_object(
                 'at', clock_timestamp(), 'generation', ${generation}::int, 'compared', ${compared}::int,
                 'candidates', ${candidates}::int, 'kept', ${kept}::int, 'held', ${held}::bool)
         where source_no = ${sourceNo}`
      if (input.boundsFromMs === null)
        await askForMissing(tx, { sourceNo, generation, byId: input.byId })
      await tx`delete from seen_page where source_no = ${sourceNo} and generation = ${generation}`
      return swept
    }),
  )
}
