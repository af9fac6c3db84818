import { toAppError } from '../src/db/errors.ts'
import type { Query } from '../src/db/pools.ts'
import { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import type { SyncStatus } from '../src/domain/sync.ts'
import { fenceSync } from '../src/stream/checkpoint.ts'
import { askAgain } from '../src/stream/quarantine.ts'
import { requestEnumeration } from '../src/stream/source.ts'
import type { Intent, Standing } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { intentChannel } from './slices.ts'

export type IntentInput = {
  syncId: string
  intent: Intent
  collectionIds?: string[]
  keepRecords?: boolean
}

type Row = { status: SyncStatus; epoch: string }

/**
 * The one writer of what a sync is asked to be (besides its insert). With the epoch, which the quota and every page
 * compare, all work under the old intent ends, whether or not a worker hears of it; the NOTIFY only makes it quick.
 */
export async function setIntent(deps: ActivityDeps, input: IntentInput): Promise<Standing> {
  const sql = deps.pools.write
  const standing = await sql
    .begin(async (tx) => {
      const [before] = await tx<
        Row[]
      >`select status, epoch from syncs where id = ${input.syncId} for update`
      if (before === undefined)
        throw new AppError('not_found', 'This sync is gone: its row is no longer in the database.')
      const status = statusAfter(before.status, input.intent)
      if (!moves(before.status, input.intent))
        return { status: before.status, epoch: Number(before.epoch) }
      const after = await write(tx, input, status)
      return { status: after.status, epoch: Number(after.epoch) }
    })
    .catch((error: unknown) => {
      throw toAppError(error)
    })
  // Outside of the transaction: inside, it would serialise all commits of the database.
  await sql.notify(intentChannel, input.syncId).catch(() => undefined)
  deps.log.info({ event: 'sync.intent', syncId: input.syncId, intent: input.intent, ...standing })
  return standing
}

async function write(tx: Query, input: IntentInput, status: SyncStatus): Promise<Row> {
  const { syncId, intent } = input
  const [row] = await tx<Row[]>`
    update syncs
       set status = ${status},
           epoch = epoch + ${intent === 'nudge' ? 0 : 1}::int,
           deadline_at = case when ${status} = 'paused' then null
                              else clock_timestamp() + ${limits.lifeSignDueMs}::float8 * interval '1 ms' end,
           deleted_at = case when ${status} = 'deleted' then coalesce(deleted_at, clock_timestamp()) else deleted_at end,
           keep_records = keep_records or ${input.keepRecords ?? false},
           error_kind = null, error_message = null, error_since = null
     where id = ${syncId}
    returning status, epoch`
  const collectionIds = input.collectionIds ?? null
  if (intent === 'nudge' || intent === 'resync') await probeNow(tx, syncId, collectionIds)
  if (intent === 'nudge') await askAgain(tx, syncId)
  else await fenceSync(tx, syncId)
  if (intent === 'resync') await requestEnumeration(tx, { syncId, collectionIds })
  return row!
}

/** Blocked collections are looked at without waiting for their time: somebody has mended something, or hopes so. */
async function probeNow(tx: Query, syncId: string, collectionIds: string[] | null): Promise<void> {
  await tx`
    update source
       set probe_at = clock_timestamp()
     where sync_id = ${syncId} and blocked_at is not null
       and (${collectionIds === null}::bool or collection_id = any(${collectionIds ?? []}::text[]))`
}

/** A sync that was removed stays so. */
function statusAfter(before: SyncStatus, intent: Intent): SyncStatus {
  if (before === 'deleted') return 'deleted'
  switch (intent) {
    case 'pause':
      return 'paused'
    case 'resume':
      return 'active'
    case 'remove':
      return 'deleted'
    case 'resync':
    case 'nudge':
    case 'yield':
      return before
  }
}

/** False: it is that already, or nothing but the wake-up is wanted. */
function moves(before: SyncStatus, intent: Intent): boolean {
  switch (intent) {
    case 'pause':
      return before === 'active'
    case 'resume':
      return before === 'paused'
    case 'remove':
    case 'resync':
    case 'nudge':
      return before !== 'deleted'
    case 'yield':
      return false
  }
}
