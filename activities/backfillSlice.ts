import { toAppError } from '../src/db/errors.ts'
import type { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { nextEnumerationMs } from '../src/domain/pace.ts'
import { openRanges } from '../src/stream/checkpoint.ts'
import { finishEnumeration } from '../src/stream/enumerate.ts'
import { block, noteError, noteWaiting } from '../src/stream/source.ts'
import type { BackfillAnswer } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { isFollowed } from './feeds.ts'
import type { Opened, OpenSource } from './open.ts'
import { openSync } from './open.ts'
import { sayTouched } from './pages.ts'
import { readRanges } from './ranges.ts'
import type { Slice } from './slices.ts'
import { blockFor, noteBackfilled, noteFailure, noteProgress, refuseCredential } from './state.ts'

export type BackfillInput = { syncId: string; collectionId: string }

const nothing: BackfillAnswer = { done: false, aborted: false, pages: 0, records: 0, blocked: null }

/**
 * Pages of one collection for up to 30 s. Returns normally when it is told to stop; throws what Temporal shall retry. What
 * this credential cannot have is no failure of the sync: the collection is blocked, the others go on.
 */
export async function backfillSlice(
  deps: ActivityDeps,
  input: BackfillInput,
  heartbeat: () => void,
): Promise<BackfillAnswer> {
  const { syncId, collectionId } = input
  const startedAtMs = deps.now()
  return await deps.slices.run({ syncId, name: `backfill/${collectionId}` }, async (slice) => {
    const opened = await openSync(deps, syncId)
    const source = opened.sources.find((one) => one.collectionId === collectionId)
    if (opened.status !== 'active') return { ...nothing, aborted: true }
    if (source === undefined || !source.enumerating || source.blockedKind !== null)
      return { ...nothing, done: true }
    const progress = { ...nothing }
    try {
      await read(
        deps,
        opened,
        source,
        slice,
        progress,
        startedAtMs + limits.backfillSliceMs,
        heartbeat,
      )
      if (!slice.signal.aborted) progress.done = await finish(deps, opened, source)
      await noteProgress(deps.pools.write, syncId)
    } catch (error) {
      await judge(deps, opened, source, slice, progress, toAppError(error))
    }
    progress.aborted ||= slice.signal.aborted
    deps.log.info({
      event: 'slice.done',
      kind: 'backfill',
      syncId,
      collection: collectionId,
      ...progress,
      ms: deps.now() - startedAtMs,
    })
    return progress
  })
}

async function read(
  deps: ActivityDeps,
  opened: Opened,
  source: OpenSource,
  slice: Slice,
  progress: BackfillAnswer,
  endMs: number,
  heartbeat: () => void,
): Promise<void> {
  const ranges = await openRanges(deps.pools.write, { sourceNo: source.sourceNo })
  const beating = setInterval(heartbeat, 1_000)
  let answerMs: number | null = null
  const onAnswer = (ms: number) => {
    answerMs = answerMs === null ? ms : 0.9 * answerMs + 0.1 * ms
  }
  try {
    await readRanges({
      deps,
      opened,
      source,
      ranges,
      ctx: opened.context('backfill', slice.signal, onAnswer),
      answerMs: () => answerMs,
      over: () => slice.signal.aborted || deps.now() >= endMs,
      onPage(records) {
        progress.pages += 1
        progress.records += records
      },
    })
  } finally {
    clearInterval(beating)
  }
}

/** True: the enumeration is over, and what it missed is being looked at. */
async function finish(deps: ActivityDeps, opened: Opened, source: OpenSource): Promise<boolean> {
  const sql = deps.pools.write
  if ((await openRanges(sql, { sourceNo: source.sourceNo })).length > 0) return false
  const facts = await enumerationOf(deps, source)
  const followed = await isFollowed(sql, opened, source)
  const nextDueMs = nextEnumerationMs({
    everyMs: source.collection.enumerateEveryMs,
    onlyCompared: isOnlyCompared(source),
    tookMs: facts.tookMs,
    followed,
    random: deps.random(),
  })
  const finished = await finishEnumeration(sql, {
    streamNo: source.streamNo,
    sourceNo: source.sourceNo,
    generation: source.generation,
    boundsFromMs: facts.boundsFromMs,
    // Missing in one listing proves nothing: only what can be asked for by id is ever judged.
    deletable: source.collection.deletes.includes('sweep') && source.collection.get !== undefined,
    byId: source.collection.get !== undefined,
    nextDueMs,
    lookEveryMs: lookEveryMs(source, followed, nextDueMs),
  })
  if (finished === null) return false
  if (finished.candidates > 0 && !finished.held) await sayTouched(deps, opened.syncId)
  await noteBackfilled(sql, opened.syncId)
  deps.log.info({
    event: 'collection.enumerated',
    syncId: opened.syncId,
    collection: source.collectionId,
    ...finished,
  })
  return true
}

/** By the connector's word nothing else sees its changes, so it comes often: that shall not take all of the quota. */
function isOnlyCompared({ collection: { refresh } }: OpenSource): boolean {
  return refresh.feed === undefined && refresh.relist === undefined
}

/** How often the collection is looked at from now on; null: its feed says so itself, at each poll. */
function lookEveryMs(source: OpenSource, followed: boolean, nextDueMs: number): number | null {
  const { relist } = source.collection.refresh
  if (relist !== undefined) return relist.everyMs
  return followed && !isOnlyCompared(source) ? null : nextDueMs
}

async function enumerationOf(deps: ActivityDeps, { sourceNo, generation }: OpenSource) {
  const [row] = await deps.pools.write<{ bounds: number | null; took: number | null }[]>`
    select case when bool_or(lo_ms is null) then null else min(lo_ms) end::float8 as bounds,
           (extract(epoch from clock_timestamp() - min(created_at)) * 1000)::float8 as took
      from checkpoint
     where source_no = ${sourceNo} and generation = ${generation} and kind = 'range'`
  return { boundsFromMs: row?.bounds ?? null, tookMs: row?.took ?? 0 }
}

/** Either the answer tells it, or Temporal is to know. */
async function judge(
  deps: ActivityDeps,
  opened: Opened,
  source: OpenSource,
  slice: Slice,
  progress: BackfillAnswer,
  error: AppError,
): Promise<void> {
  const sql = deps.pools.write
  if (slice.signal.aborted || error.kind === 'stopped') {
    progress.aborted = true
    return
  }
  if (error.kind === 'permanent') {
    await block(sql, source.sourceNo, blockFor(error))
    await noteBackfilled(sql, opened.syncId)
    deps.log[error.code === 'not-enabled' ? 'info' : 'warn']({
      event: 'collection.blocked',
      syncId: opened.syncId,
      collection: source.collectionId,
      reason: error.message,
    })
    progress.blocked = error.message.slice(0, 300)
    return
  }
  if (error.kind === 'auth') await refuseCredential(sql, opened.credential.id, error.message)
  else if (error.kind === 'rate_limited') await noteWaiting(sql, source.sourceNo, error.message)
  else await noteError(sql, [source.sourceNo], error.message)
  await noteFailure(sql, opened.syncId, error)
  throw error
}
