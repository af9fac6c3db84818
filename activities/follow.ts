/** The parts of a change slice: feeds, windows of young objects, probes. Each keeps its own time. */
import type { Context, Json } from '../src/connectors/connector.ts'
import { feedNamed } from '../src/connectors/lookup.ts'
import { createCircleCheck, endlessList } from '../src/domain/endless.ts'
import { isAppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { areTold, missedByWebhooks, nextPollMs, pollFloorMs } from '../src/domain/pace.ts'
import type { FeedCheckpoint } from '../src/stream/checkpoint.ts'
import { claim, ensureFeed } from '../src/stream/checkpoint.ts'
import { block, noteChecked, requestEnumeration, unblock } from '../src/stream/source.ts'
import type { Fence } from '../src/stream/write.ts'
import { hintBelated } from './belated.ts'
import type { ActivityDeps } from './deps.ts'
import type { Followed } from './feeds.ts'
import { feedOf, loseFeed, restartFeed, sourcesOfFeed } from './feeds.ts'
import type { Opened, OpenSource } from './open.ts'
import { storePage } from './pages.ts'
import { blockFor, noteMissed, webhooksOf } from './state.ts'

export type Work = {
  deps: ActivityDeps
  opened: Opened
  ctx: Context
  /** For looks at one record: they go before lists. */
  refetch: Context
  signal: AbortSignal
  /** Throws `auth` where the credential names another account by now. */
  sameAccount(): Promise<void>
}

/** What one look brought. `replan`: something is to be enumerated now. `gone`: this part has nothing more to do here. */
export type Turn = { changes: number; replan: boolean; gone: boolean }

export type Part = {
  sourceNos: number[]
  dueAtMs: number
  /** Turns that failed since the last good one. */
  failures: number
  /** One bounded turn; sets its own next time. */
  turn(): Promise<Turn>
  /** Something has changed, as is known from elsewhere: it looks soon. */
  hurry?(): void
}

const quiet: Turn = { changes: 0, replan: false, gone: false }
const notedEveryMs = 10_000
const hurryMs = 1_000
/** Providers show changes up to this late. */
const lateMs = 15_000

/** Claims the feed: whoever followed it before can write nothing any more. */
export async function feedPart(work: Work, feed: Followed): Promise<Part> {
  const { deps, opened, ctx } = work
  const definition = feedNamed(opened.connector, feed.name)!
  const sourceNos = sourcesOfFeed(opened, feed.name).map((source) => source.sourceNo)
  const floorMs = pollFloorMs(opened.connector.limits)
  const claimed = await claim(deps.pools.write, feed.checkpointNo)
  let cursor = claimed.cursor
  let inCircle = createCircleCheck(cursor)
  let intervalMs = intervalBefore(sourcesOfFeed(opened, feed.name), deps.now())
  let notedAtMs = 0
  let toldAtMs = feed.movedAtMs
  let lastChangeMs = lastChange(sourcesOfFeed(opened, feed.name))

  async function pages(): Promise<{ changes: number; done: boolean; replan: boolean }> {
    const beganMs = deps.now()
    let changes = 0
    let replan = false
    for (let read = 0; read < limits.feedPagesInTurn && !work.signal.aborted; read++) {
      const page = await definition.read(ctx, cursor)
      const moved = JSON.stringify(page.cursor) !== JSON.stringify(cursor)
      if (!page.done && inCircle(page.cursor)) throw endlessList(`the feed ${feed.name}`)
      // before the position moves past what asks for it
      if (page.relist !== undefined) replan = await enumerateAnew(work, page.relist)
      await storePage(deps, opened, {
        changes: await hintBelated(deps, opened, page.changes),
        observedAt: page.observedAt,
        path: 'change',
        fence: claimed.fence,
        ...(moved ? { cursor: page.cursor } : {}),
        tellsSinceMs: Math.max(0, toldAtMs - lateMs),
      })
      cursor = page.cursor
      changes += page.changes.length
      if (!page.done) continue
      toldAtMs = beganMs
      inCircle = createCircleCheck(cursor)
      return { changes, done: true, replan }
    }
    return { changes, done: false, replan }
  }

  const part: Part = {
    sourceNos,
    dueAtMs: 0,
    failures: 0,
    hurry() {
      if (intervalMs === null) return
      intervalMs = null
      const soonMs = Math.max(hurryMs, floorMs)
      part.dueAtMs = Math.min(part.dueAtMs, deps.now() + soonMs)
    },
    async turn() {
      try {
        if (lostByAge(work, feed, definition.retentionMs)) {
          await work.sameAccount()
          await restartFeed(deps, opened, feed, ctx)
          return { ...quiet, replan: true, gone: true }
        }
        const { changes, done, replan } = await pages()
        const now = deps.now()
        if (changes > 0) lastChangeMs = now
        intervalMs = nextPollMs({
          changed: changes > 0,
          previousMs: intervalMs,
          sinceChangeMs: lastChangeMs === null ? null : now - lastChangeMs,
          floorMs,
          told: await told(work, changes > 0, intervalMs),
        })
        if (changes > 0 || now - notedAtMs > notedEveryMs) {
          const everyMs = Math.max(intervalMs, notedEveryMs)
          await noteChecked(deps.pools.write, sourceNos, { changed: changes > 0, everyMs })
          notedAtMs = now
        }
        part.dueAtMs = done ? now + intervalMs * (1 - 0.1 * deps.random()) : now
        return { ...quiet, changes, replan }
      } catch (error) {
        return await lost(work, feed, error)
      }
    },
  }
  return part
}

/** How often it was polled before this slice, where that was a moment ago: slices end, the account does not notice. */
function intervalBefore(sources: OpenSource[], nowMs: number): number | null {
  const [everyMs, checkedMs] = [
    Math.max(0, ...sources.map((source) => source.lookEveryMs ?? 0)),
    Math.max(0, ...sources.map((source) => source.lastCheckedAtMs ?? 0)),
  ]
  return everyMs > notedEveryMs && nowMs - checkedMs < 2 * everyMs ? everyMs : null
}

/** Do webhooks tell what a poll would find? Asked where it matters: before a poll waits for longer than without them. */
async function told(
  { deps, opened }: Work,
  changed: boolean,
  previousMs: number | null,
): Promise<boolean> {
  if (!opened.hears) return false
  const sql = deps.pools.write
  if (missedByWebhooks(changed, previousMs)) await noteMissed(sql, opened.credential.id)
  if (changed || previousMs === null || previousMs < notedEveryMs) return false
  return areTold({ ...(await webhooksOf(sql, opened.credential.id)), nowMs: deps.now() })
}

async function enumerateAnew({ deps, opened }: Work, names: string[]): Promise<boolean> {
  const collectionIds = opened.sources.flatMap((source) =>
    names.includes(source.name) ? source.collectionId : [],
  )
  await requestEnumeration(deps.pools.write, { syncId: opened.syncId, collectionIds })
  return collectionIds.length > 0
}

/** What a feed that cannot be followed any more comes to; all else is thrown. */
async function lost(work: Work, feed: Followed, error: unknown): Promise<Turn> {
  const { deps, opened, ctx } = work
  if (!isAppError(error, 'permanent')) throw error
  deps.log.warn({
    event: 'feed.lost',
    syncId: opened.syncId,
    feed: feed.name,
    reason: error.message,
  })
  if (error.code === 'feed-expired') {
    await work.sameAccount()
    await restartFeed(deps, opened, feed, ctx)
  } else {
    await loseFeed(deps, opened, feed.name, error.message)
    const collectionIds = sourcesOfFeed(opened, feed.name).map((source) => source.collectionId)
    await requestEnumeration(deps.pools.write, { syncId: opened.syncId, collectionIds })
  }
  return { ...quiet, replan: true, gone: true }
}

/** Nobody has looked for longer than the provider keeps changes. */
function lostByAge({ deps, opened }: Work, feed: Followed, retentionMs: number | null): boolean {
  if (retentionMs === null) return false
  const checked = sourcesOfFeed(opened, feed.name).map((source) => source.lastCheckedAtMs ?? 0)
  const lastMs = Math.max(0, ...checked)
  return lastMs > 0 && deps.now() - lastMs > retentionMs
}

function lastChange(sources: OpenSource[]): number | null {
  const known = sources.flatMap((source) => source.lastChangeAtMs ?? [])
  return known.length === 0 ? null : Math.max(...known)
}

/** Cursor of a window of young objects: under way, or done at. */
type Window = { doneAtMs: number; fromMs: number | null; at: Json }

/**
 * What no feed tells of all changes of: young objects are listed again and again, of a short list all. Null: nothing of the
 * kind.
 */
export async function relistPart(
  work: Work,
  source: OpenSource,
  known: FeedCheckpoint[],
): Promise<Part | null> {
  const { deps, opened, ctx } = work
  const { relist } = source.collection.refresh
  if (relist === undefined) return null
  const { everyMs, windowMs } = relist
  const spanMs = windowMs ?? 0
  const name = `relist/${source.collectionId}`
  const there = known.find((checkpoint) => checkpoint.name === name)
  // The backfill reads all there is now: the first listing of the young is due after it.
  const begin: Window = { doneAtMs: deps.now(), fromMs: null, at: null }
  const { syncId, streamNo } = opened
  const { sourceNo } = source
  const row = { syncId, streamNo, name, kind: 'relist' as const, sourceNo, start: begin }
  const checkpointNo = there?.checkpointNo ?? (await ensureFeed(deps.pools.write, row)).checkpointNo
  // Many lists are due once an hour: nothing is claimed, and nothing read of it, before its time.
  let held: { fence: Fence; window: Window } | null = null
  let inCircle = createCircleCheck(null)
  const part: Part = {
    sourceNos: [source.sourceNo],
    failures: 0,
    dueAtMs: (there?.movedAtMs ?? begin.doneAtMs) + everyMs,
    async turn() {
      if (held === null) {
        const claimed = await claim(deps.pools.write, checkpointNo)
        held = { fence: claimed.fence, window: claimed.cursor as Window }
      }
      const { fence } = held
      let { window } = held
      if (window.fromMs === null) window = { ...window, fromMs: deps.now() - spanMs, at: null }
      const bounds = {
        fromMs: source.collection.ranges && windowMs !== null ? window.fromMs : null,
        toMs: null,
      }
      try {
        const page = await source.collection.list(ctx, window.at, bounds)
        const tellsSinceMs = Math.max(0, window.doneAtMs - lateMs)
        const beyond = page.oldestMs !== undefined && page.oldestMs < window.fromMs!
        const done = page.done || (windowMs !== null && beyond)
        if (done) inCircle = createCircleCheck(null)
        else if (inCircle(page.cursor)) throw endlessList(source.collectionId)
        // What it tells of is known since it began.
        window = done
          ? { doneAtMs: window.fromMs! + spanMs, fromMs: null, at: null }
          : { ...window, at: page.cursor }
        const written = await storePage(deps, opened, {
          changes: page.changes,
          observedAt: page.observedAt,
          path: 'listing',
          fence,
          cursor: window,
          tellsSinceMs,
        })
        held = { fence, window }
        const changes = written.inserted + written.updated
        // where a feed tells too, that is the more often looked at
        if (done && feedOf(source) === null)
          await noteChecked(deps.pools.write, [source.sourceNo], { changed: changes > 0, everyMs })
        part.dueAtMs = done ? deps.now() + everyMs * (1 - 0.1 * deps.random()) : 0
        return { ...quiet, changes }
      } catch (error) {
        if (!isAppError(error, 'permanent')) throw error
        await block(deps.pools.write, source.sourceNo, blockFor(error))
        return { ...quiet, gone: true }
      }
    },
  }
  return part
}

/** A blocked collection is asked with one request whether it can be had now. */
export function probePart(work: Work, source: OpenSource): Part | null {
  const { deps, opened, ctx } = work
  if (source.blockedKind === null) return null
  const part: Part = {
    sourceNos: [source.sourceNo],
    failures: 0,
    dueAtMs: deps.now() + (source.probeDueInMs ?? 0),
    async turn() {
      try {
        if (source.collection.probe) await source.collection.probe(ctx)
        else await source.collection.list(ctx, null, { fromMs: null, toMs: null })
      } catch (error) {
        if (!isAppError(error, 'permanent')) throw error
        await block(deps.pools.write, source.sourceNo, blockFor(error))
        part.dueAtMs = deps.now() + blockFor(error).probeMs
        return quiet
      }
      await unblock(deps.pools.write, source.sourceNo)
      deps.log.info({
        event: 'collection.unblocked',
        syncId: opened.syncId,
        collection: source.collectionId,
      })
      return { ...quiet, replan: true, gone: true }
    },
  }
  return part
}

/** The drain of hints is fenced like everything else that writes. */
export async function drainFence(work: Work): Promise<Fence> {
  const { deps, opened } = work
  const { checkpointNo } = await ensureFeed(deps.pools.write, {
    syncId: opened.syncId,
    streamNo: opened.streamNo,
    name: 'touched',
    kind: 'feed',
    sourceNo: null,
    start: null,
  })
  return (await claim(deps.pools.write, checkpointNo)).fence
}
