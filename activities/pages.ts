/** From a connector's page to the stream's: what is sure becomes a record, what is not becomes a hint. */
import type { Change, Json } from '../src/connectors/connector.ts'
import { AppError, isAppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import type { Refused } from '../src/stream/quarantine.ts'
import { isId, quarantine } from '../src/stream/quarantine.ts'
import type {
  Fence,
  Hint,
  Observation,
  PageWrite,
  ReadyPage,
  Written,
} from '../src/stream/write.ts'
import { isUnstorable, readyPage, refusal, writePage, writeReady } from '../src/stream/write.ts'
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
  /** What the connector's own functions could not read. */
  refused: Refused[]
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
  const { write, refused } = pageWrite(opened, page)
  const changedMs = page.changes.flatMap((change) => change.changedMs ?? [])
  return { write, refused, changedMs, ready: ready(write) }
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
): { write: PageWrite; refused: Refused[] } {
  const byName = new Map(opened.sources.map((source) => [source.name, source]))
  const observations: Observation[] = []
  const hints: Hint[] = []
  const refused: Refused[] = []
  for (const change of page.changes) {
    const source = byName.get(change.collection)
    if (source === undefined) continue
    if (change.raw === null && change.deleted !== true && change.erased !== true) {
      hints.push({ sourceNo: source.sourceNo, id: change.id })
      continue
    }
    try {
      observations.push(observation(source, change, page.observedAt))
    } catch (error) {
      const { sourceNo } = source
      const { id, raw, observedAt = page.observedAt } = change
      refused.push({ sourceNo, id, raw, observedAt, error: unreadable(error) })
    }
  }
  const write: PageWrite = {
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
  return { write, refused }
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

/** What cannot be stored is put apart before the cursor moves past it; the rest of the page is committed as one. */
async function commit(
  deps: ActivityDeps,
  { write: page, ready, refused }: PreparedPage,
): Promise<Written> {
  const sql = deps.pools.write
  await setApart(deps, refused)
  try {
    return ready === null ? await writePage(sql, page) : await writeReady(sql, ready)
  } catch (error) {
    const some = page.observations.length + page.hints.length
    if (!isAppError(error, 'bug') || some === 0) throw error
    deps.log.error({ event: 'page.refused', records: page.observations.length, error })
    const { rest, refused: more } = await withoutRefused(deps, page, error)
    await setApart(deps, more)
    return await writePage(sql, rest)
  }
}

/** If nothing of a page can be written, and none of it for a reason of its own, it is not the records. */
async function withoutRefused(
  deps: ActivityDeps,
  page: PageWrite,
  first: AppError,
): Promise<{ rest: PageWrite; refused: Refused[] }> {
  const observations: Observation[] = []
  const refusals: { one: Observation; error: AppError }[] = []
  for (const one of page.observations) {
    const error = await tried(deps, { ...page, observations: [one] })
    if (error === null) observations.push(one)
    else refusals.push({ one, error })
  }
  const own = refusals.some(({ error }) => isUnstorable(error))
  if (observations.length === 0 && refusals.length > 1 && !own) throw first
  const hints = page.hints.filter(({ id }) => isId(id))
  const observedAt = new Date(deps.now()).toISOString()
  const nameless = page.hints
    .filter(({ id }) => !isId(id))
    .map((hint) => ({ ...hint, raw: null, observedAt, error: 'Its id cannot be stored.' }))
  const refused = refusals.map(({ one, error }) => {
    const { sourceNo, id, raw } = one
    return { sourceNo, id, raw, observedAt: one.observedAt, error: reasonOf(error) }
  })
  return { rest: { ...page, observations, hints }, refused: [...refused, ...nameless] }
}

/** Would this be taken in? Nothing is written. Null: yes. */
async function tried(deps: ActivityDeps, page: PageWrite): Promise<AppError | null> {
  const { cursor: _cursor, done: _done, ...alone } = page
  for (let attempt = 1; ; attempt++) {
    const error = await refusal(deps.pools.write, { ...alone, hints: [], looked: [] })
    if (error === null || isUnstorable(error) || attempt >= limits.quarantineAfter) return error
  }
}

async function setApart(deps: ActivityDeps, refused: Refused[]): Promise<void> {
  await quarantine(deps.pools.write, refused)
  for (const { sourceNo, id, error } of refused)
    deps.log.error({ event: 'record.quarantined', sourceNo, upstreamId: id, reason: error })
}

const reasons: Record<string, string> = {
  '22003': 'a number in it is too large',
  '22008': 'a time in it is out of range',
  '22P02': 'a number or time in it has no known form',
  '54000': 'its id is too long',
  '54001': 'it is nested too deeply',
}

function reasonOf(error: AppError): string {
  const { sqlstate } = error.details
  if (typeof sqlstate !== 'string') return error.message
  return `The database refuses it: ${reasons[sqlstate] ?? 'it has no place for it'} (${sqlstate}).`
}

function unreadable(error: unknown): string {
  if (error instanceof SyntaxError) return 'It is no JSON.'
  if (error instanceof AppError) return error.message
  return 'Its id, version or times cannot be read: they are not as the provider documents them.'
}
