import type { Change, Context } from '../connector.ts'
import { readItems, readObject } from '../kit/answer.ts'
import { hasSeen, markOf, remember, type Seen } from '../kit/seen.ts'
import { nextAfter } from './objects.ts'
import { idOf } from './read.ts'
import { msOf } from './times.ts'
import type { ObjectType } from './objectTypes.ts'

/** A bin takes this long to be due again for each page that it has, within these. */
const EVERY_PER_PAGE_MS = 12_000
const EVERY_MIN_MS = 120_000
const EVERY_MAX_MS = 3_600_000
/** Archiving that became visible late: so far behind the newest one looks again. */
const OVERLAP_MS = 120_000

/** Where the reading of a bin stands. */
export type Bin = {
  /** Time of archiving (ms) of the newest that was told. */
  fromMs: number
  /** Our clock (ms). */
  dueMs: number
  told: Seen
  /** Under way. */
  walk?: { after: string; newestMs: number; pages: number }
}

/**
 * One page of what is archived (HubSpot keeps it for 90 days): archiving moves no date, so the whole bin is read again and
 * again, and what went into it since the last time is told. It cannot be asked for by time or order.
 */
export async function readBin(
  ctx: Context,
  type: ObjectType,
  bin: Bin,
): Promise<{ bin: Bin; changes: Change[]; observedAt: string; done: boolean }> {
  const walk = bin.walk ?? { after: null, newestMs: bin.fromMs, pages: 0 }
  const answer = await ctx.request({
    path: `/crm/v3/objects/${encodeURIComponent(type.name)}`,
    query: [
      ['archived', 'true'],
      ['limit', '100'],
      ['properties', 'hs_object_id'],
      ...(walk.after === null ? [] : ([['after', walk.after]] as [string, string][])),
    ],
    accept: walk.after === null ? [] : [400],
  })
  const { observedAt } = answer
  // the cursor went stale: from the start, at the next look
  if (answer.status === 400) return { ...ended(ctx, bin, walk.pages), changes: [], observedAt }
  const body = readObject(answer)
  const rows = readItems(body, 'results').map((item) => {
    const archivedMs = msOf(item.value['archivedAt']) ?? 0
    const id = idOf(item)
    return {
      id,
      archivedMs,
      mark: markOf(Math.floor(archivedMs / 1_000), `${id}@${archivedMs}`, id),
    }
  })
  const fresh = rows.filter(
    ({ archivedMs, mark }) => archivedMs >= bin.fromMs - OVERLAP_MS && !hasSeen(bin.told, mark),
  )
  const changes = fresh.map(({ id }) => ({
    collection: type.name,
    id,
    raw: null,
    deleted: true as const,
  }))
  // one dated in the future is told, and does not take the position with it
  const past = rows.filter(({ archivedMs }) => archivedMs <= ctx.now())
  const newestMs = past.reduce((ms, { archivedMs }) => Math.max(ms, archivedMs), walk.newestMs)
  const since = Math.floor((bin.fromMs - OVERLAP_MS) / 1_000)
  const told =
    fresh.length === 0
      ? bin.told
      : remember(
          bin.told,
          fresh.map(({ mark }) => mark),
          since,
        )
  const after = nextAfter(body.value)
  const pages = walk.pages + 1
  if (after !== null)
    return {
      bin: { ...bin, told, walk: { after, newestMs, pages } },
      changes,
      observedAt,
      done: false,
    }
  return { ...ended(ctx, { ...bin, told, fromMs: newestMs }, pages), changes, observedAt }
}

function ended(
  ctx: Context,
  { walk: _walk, ...bin }: Bin,
  pages: number,
): { bin: Bin; done: true } {
  const everyMs = Math.min(EVERY_MAX_MS, Math.max(EVERY_MIN_MS, pages * EVERY_PER_PAGE_MS))
  return { bin: { ...bin, dueMs: ctx.now() + everyMs }, done: true }
}
