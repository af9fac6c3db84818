/** From a connector's page to the stream's: what is sure becomes a record, what is not becomes a hint. */
import type { Change, Json } from '../src/connectors/connector.ts'
import type { Sql } from '../src/db/pools.ts'
import { isAppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { quarantine } from '../src/stream/source.ts'
import type {
  Fence,
  Hint,
  Observation,
  PageWrite,
  ReadyPage,
  Written,
} from '../src/stream/write.ts'
import { readyPage, writePage, writeReady } from '../src/stream/write.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened, OpenSource } from './open.ts'
import { touchedChannel } from './slices.ts'

export type StorePage = {
  changes: Change[]
  /** The page's; a change may carry its own. */
  observedAt: string
  path: 'listing' | 'change'
  fence: Fence
  cursor?: Json
  done?: boolean
  looked?: (Hint & { seq: number })[]
  seen?: { sourceNo: number; generation: number; rangeNo: number } | null
  /** The enumeration compares: what it finds different is noted. */
  compares?: boolean
  /** The page tells of all changes since then (ms): those are no findings of an enumeration. */
  tellsSinceMs?: number
}

/** A page on its way into the stream: what takes time to make is made. */
export type PreparedPage = {
  write: PageWrite
  ready: ReadyPage | null
  /** When the changes on it happened upstream, where that is known. */
  changedMs: number[]
}

/** Commits one page. Throws AppError: `stopped` when fenced. */
export async function storePage(
  deps: ActivityDeps,
  opened: Opened,
  page: StorePage,
): Promise<Written> {
  return await storePrepared(deps, opened, preparePage(opened, page))
}

/** What can be done before it is the page's turn to be committed. */
export function preparePage(opened: Opened, page: StorePage): PreparedPage {
  const write = pageWrite(opened, page)
  const changedMs = page.changes.flatMap((change) => change.changedMs ?? [])
  return { write, changedMs, ready: ready(write) }
}

export async function storePrepared(
  deps: ActivityDeps,
  opened: Opened,
  page: PreparedPage,
): Promise<Written> {
  const { path } = page.write
  const endWrite = deps.metrics.writes.startTimer({ path })
  const written = await commit(deps, page)
  endWrite()
  const { provider } = opened.facts
  for (const ms of page.changedMs)
    deps.metrics.freshness.observe({ provider }, Math.max(0, deps.now() - ms) / 1_000)
  deps.metrics.pages.inc({ provider, path })
  const counts = deps.metrics.records
  counts.inc({ provider, path, outcome: 'inserted' }, written.inserted)
  counts.inc({ provider, path, outcome: 'updated' }, written.updated)
  counts.inc({ provider, path, outcome: 'stale' }, written.stale)
  if (page.write.seen === null) countLooked(opened, page.write)
  // The slice that follows looks at hints; one of a listing comes from elsewhere.
  else if (written.hinted > 0) await sayTouched(deps, opened.syncId)
  return written
}

/** A lost word costs a minute. */
export async function sayTouched({ pools }: ActivityDeps, syncId: string): Promise<void> {
  await pools.write.notify(touchedChannel, syncId).catch(() => undefined)
}

function countLooked({ looked }: Opened, { observations }: PageWrite): void {
  for (const { sourceNo } of observations) looked.set(sourceNo, (looked.get(sourceNo) ?? 0) + 1)
}

/** Null where our own code cannot take it in: writing it says so again, record by record. */
function ready(write: PageWrite): ReadyPage | null {
  try {
    return readyPage(write)
  } catch (error) {
    if (!isAppError(error, 'bug')) throw error
    return null
  } finally {
    // it made the hash; pages that wait shall not keep two copies of each record
    for (const observation of write.observations) observation.value = undefined
  }
}

/** The page as the stream takes it. Changes of collections that this sync does not have are left out. */
export function pageWrite(
  opened: Pick<Opened, 'streamNo' | 'sources'>,
  page: StorePage,
): PageWrite {
  const byName = new Map(opened.sources.map((source) => [source.name, source]))
  const observations: Observation[] = []
  const hints: Hint[] = []
  for (const change of page.changes) {
    const source = byName.get(change.collection)
    if (source === undefined) continue
    if (change.raw === null && change.deleted !== true && change.erased !== true) {
      hints.push({ sourceNo: source.sourceNo, id: change.id })
    } else {
      observations.push(observation(source, change, page.observedAt))
    }
  }
  return {
    streamNo: opened.streamNo,
    observations,
    path: page.path,
    fence: page.fence,
    ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    ...(page.done === undefined ? {} : { done: page.done }),
    hints,
    looked: page.looked ?? [],
    seen: page.seen ?? null,
    ...(page.compares === undefined ? {} : { compares: page.compares }),
    ...(page.tellsSinceMs === undefined ? {} : { tellsSinceMs: page.tellsSinceMs }),
  }
}

function observation(source: OpenSource, change: Change, observedAt: string): Observation {
  const { collection } = source
  const value =
    change.raw === null
      ? null
      : (change.value ?? (JSON.parse(change.raw) as Record<string, unknown>))
  return {
    sourceNo: source.sourceNo,
    id: change.id,
    raw: change.raw,
    ...(value === null ? {} : { value }),
    deleted: change.deleted === true || change.erased === true,
    erased: change.erased === true,
    observedAt: change.observedAt ?? observedAt,
    version: value === null ? null : (collection.versionOf?.(value) ?? null),
    createdUs: value === null ? null : (collection.createdOf?.(value) ?? null),
    updatedUs: value === null ? null : (collection.updatedOf?.(value) ?? null),
    volatile: collection.volatile ?? [],
  }
}

/** A page that our own code cannot take in is taken in record by record; who breaks it goes into quarantine. */
async function commit(deps: ActivityDeps, { write: page, ready }: PreparedPage): Promise<Written> {
  const sql = deps.pools.write
  try {
    return ready === null ? await writePage(sql, page) : await writeReady(sql, ready)
  } catch (error) {
    if (!isAppError(error, 'bug') || page.observations.length === 0) throw error
    deps.log.error({ event: 'page.refused', records: page.observations.length, error })
    return await commitOneByOne(deps, sql, page, error)
  }
}

/** If nothing of a page can be written, it is not the records. */
async function commitOneByOne(
  deps: ActivityDeps,
  sql: Sql,
  page: PageWrite,
  first: unknown,
): Promise<Written> {
  const refused: { observation: Observation; error: string }[] = []
  for (const one of page.observations) {
    const error = await tryOne(sql, {
      streamNo: page.streamNo,
      path: page.path,
      fence: page.fence,
      seen: page.seen,
      ...(page.compares === undefined ? {} : { compares: page.compares }),
      observations: [one],
      hints: [],
      looked: [],
    })
    if (error !== null) refused.push({ observation: one, error })
  }
  if (refused.length === page.observations.length && refused.length > 1) throw first
  for (const { observation, error } of refused) {
    await quarantine(sql, {
      sourceNo: observation.sourceNo,
      id: observation.id,
      raw: observation.raw,
      error,
    })
    deps.log.error({
      event: 'record.quarantined',
      sourceNo: observation.sourceNo,
      upstreamId: observation.id,
      reason: error,
    })
  }
  const rest = await writePage(sql, { ...page, observations: [] })
  return { ...rest, updated: rest.updated + page.observations.length - refused.length }
}

async function tryOne(sql: Sql, page: PageWrite): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      await writePage(sql, page)
      return null
    } catch (error) {
      if (!isAppError(error, 'bug')) throw error
      if (attempt >= limits.quarantineAfter) return error.message
    }
  }
}
