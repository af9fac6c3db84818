/** Hints say no more than "look at this record". The drain looks, a few ids a commit; what fails comes again later. */
import type { Change, Context } from '../src/connectors/connector.ts'
import { toAppError } from '../src/db/errors.ts'
import type { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { backoffMs } from '../src/domain/pace.ts'
import { collectionName } from '../src/domain/sync.ts'
import { quarantine } from '../src/stream/quarantine.ts'
import type { TouchedRow } from '../src/stream/touched.ts'
import { dueTouched, postponeTouched } from '../src/stream/touched.ts'
import type { Fence } from '../src/stream/write.ts'
import type { ActivityDeps } from './deps.ts'
import type { Work } from './follow.ts'
import type { Opened } from './open.ts'
import { storePage } from './pages.ts'

export type Drained = { looked: number; changed: number; more: boolean }

type Look =
  | { row: TouchedRow; changes: Change[]; observedAt: string; error: null }
  | { row: TouchedRow; error: AppError }

/** One commit's worth. Throws `auth`, `rate_limited` and `stopped`, after what was seen is committed. */
export async function drain(
  { deps, opened, refetch, sameAccount }: Pick<Work, 'deps' | 'opened' | 'refetch' | 'sameAccount'>,
  fence: Fence,
): Promise<Drained> {
  const sql = deps.pools.write
  const rows = await dueTouched(sql, { syncId: opened.syncId, limit: limits.drainBatch })
  if (rows.length === 0) return { looked: 0, changed: 0, more: false }
  const readAtMs = deps.now()
  const looks = await lookAt(opened, rows, refetch)
  const seen = looks.filter((look) => look.error === null)
  let changed = 0
  const gone = seen.some((look) => look.changes.some((change) => change.deleted === true))
  if (gone) await sameAccount()
  if (seen.length > 0) {
    const written = await storePage(deps, opened, {
      // Each body was true when its own request was granted.
      changes: seen.flatMap((look) =>
        look.changes.map((change) => ({ observedAt: look.observedAt, ...change })),
      ),
      observedAt: seen[0]!.observedAt,
      path: 'change',
      fence,
      looked: seen.map((look) => look.row),
    })
    changed = written.inserted + written.updated
    const { provider } = opened.facts
    for (const { row } of seen)
      deps.metrics.hintWait.observe({ provider }, (row.ageMs + deps.now() - readAtMs) / 1_000)
  }
  const failed = looks.filter((look) => look.error !== null)
  await postpone(deps, opened, failed)
  const grave = failed.find(({ error }) => ['auth', 'rate_limited', 'stopped'].includes(error.kind))
  if (grave !== undefined) throw grave.error
  return { looked: rows.length, changed, more: rows.length === limits.drainBatch }
}

async function lookAt(opened: Opened, rows: TouchedRow[], ctx: Context): Promise<Look[]> {
  const waiting = [...rows]
  const looks: Look[] = []
  let grave = false
  const lane = async () => {
    for (let row = waiting.shift(); row !== undefined && !grave; row = waiting.shift()) {
      const look = await lookAtOne(opened, row, ctx)
      grave ||= look.error !== null && ['auth', 'rate_limited', 'stopped'].includes(look.error.kind)
      looks.push(look)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limits.drainAtOnce, rows.length) }, lane))
  return looks
}

async function lookAtOne(opened: Opened, row: TouchedRow, ctx: Context): Promise<Look> {
  const name = collectionName(row.collectionId)
  const get = opened.sources.find((source) => source.sourceNo === row.sourceNo)?.collection.get
  // Cannot be asked for by id: the next enumeration of the collection tells.
  if (get === undefined)
    return { row, changes: [], observedAt: new Date(0).toISOString(), error: null }
  try {
    const { changes, observedAt, settled = false } = await get(ctx, row.id)
    const sure =
      settled ||
      changes.some(
        (one) =>
          one.collection === name &&
          one.id === row.id &&
          (one.raw !== null || one.deleted === true),
      )
    if (!sure) throw new Error(`a look at one ${name} tells of it`)
    return { row, changes, observedAt, error: null }
  } catch (error) {
    return { row, error: toAppError(error) }
  }
}

async function postpone(
  deps: ActivityDeps,
  opened: Opened,
  failed: Extract<Look, { error: AppError }>[],
): Promise<void> {
  const sql = deps.pools.write
  for (const { row, error } of failed) {
    if (error.kind === 'rate_limited' || error.kind === 'stopped' || error.kind === 'auth') continue
    const delayMs = backoffMs(row.attempts, limits.hintBackoffMs, limits.hintBackoffMaxMs)
    await postponeTouched(sql, [row], error.retryAfterMs ?? delayMs)
    if (error.kind !== 'bug') continue
    deps.log.error({
      event: 'hint.failed',
      syncId: opened.syncId,
      collection: row.collectionId,
      upstreamId: row.id,
      error,
    })
    if (row.attempts + 1 >= limits.quarantineAfter) {
      const { sourceNo, id } = row
      const observedAt = new Date(deps.now()).toISOString()
      await quarantine(sql, [{ sourceNo, id, raw: null, error: error.message, observedAt }])
    }
  }
}
