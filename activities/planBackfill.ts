import { toAppError } from '../src/db/errors.ts'
import { limits } from '../src/domain/limits.ts'
import { planOf } from '../src/domain/plan.ts'
import { beginGeneration } from '../src/stream/checkpoint.ts'
import { sourcesOf } from '../src/stream/source.ts'
import { assertSameAccount } from './account.ts'
import type { Plan } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { positionFeeds } from './feeds.ts'
import type { Opened, OpenSource } from './open.ts'
import { openSync } from './open.ts'
import { noteFailure, refuseCredential } from './state.ts'

const day = 86_400_000
const hour = 3_600_000
const shownBlocked = 5
const shownReason = 160

/**
 * Commits what begins and tells what there is to read. The positions of the feeds come first, so that no change falls
 * between an enumeration and the feed.
 */
export async function planBackfill(
  deps: ActivityDeps,
  syncId: string,
  signal: AbortSignal,
): Promise<Plan> {
  const opened = await openSync(deps, syncId)
  try {
    return await plan(deps, opened, signal)
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.kind === 'auth')
      await refuseCredential(deps.pools.write, opened.credential.id, error.message)
    await noteFailure(deps.pools.write, syncId, error)
    throw error
  }
}

async function plan(deps: ActivityDeps, opened: Opened, signal: AbortSignal): Promise<Plan> {
  const { syncId } = opened
  if (opened.status !== 'active')
    return answer(opened, { collections: [], nextDueInMs: hour, records: 0, notes: [] })
  const feeds = await positionFeeds(deps, opened, opened.context('changes', signal))
  // Restarting a feed makes enumerations due: the rows are read again.
  const sources = feeds.restarted ? await reread(deps, opened) : opened.sources
  const next = planOf(sources.map(factsOf))
  // Compared with another account, everything that is held here would seem to be gone.
  if (sources.some((one) => one.backfilled && next.begin.includes(one.collectionId)))
    await assertSameAccount(deps, opened, opened.context('changes', signal))
  for (const collectionId of next.begin) {
    const source = sources.find((one) => one.collectionId === collectionId)!
    await beginGeneration(deps.pools.write, {
      syncId,
      sourceNo: source.sourceNo,
      streamNo: source.streamNo,
      collectionId,
      ranges: [{ loMs: oldestWanted(opened, source, deps.now()), hiMs: null }],
    })
  }
  return answer(
    { ...opened, sources },
    {
      collections: next.read,
      nextDueInMs: next.nextDueInMs,
      records: await recordsSeen(deps, syncId),
      notes: [
        ...feeds.lost.map(
          ({ reason }) =>
            `Changes cannot be followed and are compared every few minutes instead: ${reason}`,
        ),
        ...sources
          .filter((source) => source.held)
          .map(
            (source) =>
              `Many records of \`${source.collectionId}\` seem to be gone: their deletes wait for \`POST /v1/syncs/${opened.syncId}/deletes/approve\` or \`…/reject\`.`,
          ),
      ],
    },
  )
}

function factsOf(source: OpenSource) {
  const { collectionId, backfilled, enumerating, enumerateDueInMs, blockedKind } = source
  return { collectionId, backfilled, enumerating, enumerateDueInMs, blocked: blockedKind !== null }
}

/** `max_age_days` bounds what is read, where the provider can be asked for it. */
function oldestWanted(opened: Opened, source: OpenSource, nowMs: number): number | null {
  if (opened.maxAgeDays === null || !source.collection.ranges) return null
  return Math.floor((nowMs - opened.maxAgeDays * day) / 1_000) * 1_000
}

function answer(
  opened: Opened,
  rest: Pick<Plan, 'collections' | 'nextDueInMs' | 'records' | 'notes'>,
): Plan {
  const { sources } = opened
  // what this account just does not have is nothing to tell of
  const off = sources.filter((source) => source.blockedKind === 'not_enabled').length
  const blocked = sources.filter((source) => ![null, 'not_enabled'].includes(source.blockedKind))
  return withinPayload({
    status: opened.status,
    epoch: opened.epoch,
    facts: opened.facts,
    ...rest,
    notes: rest.notes.map((note) => note.slice(0, 2 * shownReason)).slice(0, 3),
    collectionsTotal: sources.length - off,
    collectionsComplete: sources.filter(
      (source) => source.backfilled && source.blockedKind === null,
    ).length,
    blocked: blocked.slice(0, shownBlocked).map(({ collectionId, blockedReason }) => ({
      collectionId,
      reason: (blockedReason ?? '').slice(0, shownReason),
    })),
  })
}

/** What there is to read counts most: of what is only shown as much as there is room for. The next plan names the rest. */
export function withinPayload(plan: Plan): Plan {
  const [notes, blocked, collections] = [[...plan.notes], [...plan.blocked], [...plan.collections]]
  const fitted = { ...plan, notes, blocked, collections }
  while (JSON.stringify(fitted).length > limits.payloadBytes) {
    if (notes.length > 1) notes.pop()
    else if (blocked.length > 1) blocked.pop()
    else if (collections.length > 1) collections.pop()
    else break
  }
  return fitted
}

async function reread(deps: ActivityDeps, opened: Opened): Promise<OpenSource[]> {
  const rows = new Map(
    (await sourcesOf(deps.pools.write, opened.syncId)).map((row) => [row.sourceNo, row]),
  )
  return opened.sources.map((source) => ({ ...source, ...rows.get(source.sourceNo) }))
}

/** Looked at in the enumerations that are under way or were last made. */
async function recordsSeen(deps: ActivityDeps, syncId: string): Promise<number> {
  const [row] = await deps.pools.write<{ seen: string }[]>`
    select coalesce(sum(seen), 0)::text as seen from checkpoint where sync_id = ${syncId} and kind = 'range'`
  return Number(row!.seen)
}
