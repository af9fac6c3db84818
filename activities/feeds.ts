/** Positions of the feeds of a sync: `feed/<name>`. One whose cursor is null cannot be followed for now. */
import type { Context, Json } from '../src/connectors/connector.ts'
import { inParallel } from '../src/connectors/kit/parallel.ts'
import { feedNamed } from '../src/connectors/lookup.ts'
import type { Sql } from '../src/db/pools.ts'
import { AppError, isAppError } from '../src/domain/error.ts'
import { claim, ensureFeed } from '../src/stream/checkpoint.ts'
import { noteError, requestEnumeration } from '../src/stream/source.ts'
import { writePage } from '../src/stream/write.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened, OpenSource } from './open.ts'

/** Feeds whose positions are asked for at once: a backfill waits for them. */
const startsAtOnce = 5

/** `movedAtMs`: when a page of it last moved the position; 0: never. */
export type Followed = { name: string; checkpointNo: number; movedAtMs: number }
export type Feeds = {
  followed: Followed[]
  lost: { name: string; reason: string }[]
  restarted: boolean
}

/** The feed that tells of a collection's changes, if any. */
export function feedOf(source: OpenSource): string | null {
  return source.collection.refresh.feed ?? null
}

export function sourcesOfFeed(opened: Opened, feed: string): OpenSource[] {
  return opened.sources.filter((source) => feedOf(source) === feed)
}

/**
 * Takes a position in every feed that has none, so that nothing falls between it and what is read afterwards. A feed that
 * was lost meanwhile has missed changes: its collections are compared anew.
 */
export async function positionFeeds(
  deps: ActivityDeps,
  opened: Opened,
  ctx: Context,
): Promise<Feeds> {
  const sql = deps.pools.write
  const names = [...new Set(opened.sources.flatMap((source) => feedOf(source) ?? []))]
  const known = await positions(sql, opened.syncId)
  const feeds: Feeds = { followed: [], lost: [], restarted: false }
  await inParallel(names, startsAtOnce, async (name) => {
    const at = known.get(name)
    if (at?.positioned === true) {
      feeds.followed.push({ name, checkpointNo: at.checkpointNo, movedAtMs: at.movedAtMs })
      return
    }
    // the probe of a blocked collection says when it is worth asking again
    if (sourcesOfFeed(opened, name).every((source) => source.blockedKind !== null)) return
    try {
      feeds.followed.push({
        name,
        checkpointNo: await position(deps, opened, name, at?.checkpointNo ?? null, ctx),
        movedAtMs: 0,
      })
      feeds.restarted ||= at !== undefined
    } catch (error) {
      if (!isAppError(error, 'permanent')) throw error
      await loseFeed(deps, opened, name, error.message)
      feeds.lost.push({ name, reason: error.message })
    }
  })
  return feeds
}

/** From now on the feed's collections are compared on a schedule; health says so. */
export async function loseFeed(
  deps: ActivityDeps,
  opened: Opened,
  name: string,
  reason: string,
): Promise<void> {
  const sql = deps.pools.write
  const { checkpointNo } = await ensureFeed(sql, { ...rowOf(opened, name), start: null })
  await moveTo(sql, opened, checkpointNo, null)
  await noteError(
    sql,
    sourcesOfFeed(opened, name).map((source) => source.sourceNo),
    `Changes cannot be followed, so everything is compared every few minutes instead. ${reason}`,
  )
}

/** A feed that no longer reaches back to its position: a new one, then everything is compared. */
export async function restartFeed(
  deps: ActivityDeps,
  opened: Opened,
  feed: Followed,
  ctx: Context,
): Promise<void> {
  await position(deps, opened, feed.name, feed.checkpointNo, ctx)
}

async function position(
  deps: ActivityDeps,
  opened: Opened,
  name: string,
  checkpointNo: number | null,
  ctx: Context,
): Promise<number> {
  const sql = deps.pools.write
  const feed = feedNamed(opened.connector, name)
  if (feed === null) throw new AppError('permanent', `The connector has no feed called ${name}.`)
  const start = await feed.start(ctx)
  if (checkpointNo === null) {
    return (await ensureFeed(sql, { ...rowOf(opened, name), start })).checkpointNo
  }
  await moveTo(sql, opened, checkpointNo, start)
  await requestEnumeration(sql, {
    syncId: opened.syncId,
    collectionIds: sourcesOfFeed(opened, name).map((source) => source.collectionId),
  })
  return checkpointNo
}

async function moveTo(sql: Sql, opened: Opened, checkpointNo: number, cursor: Json): Promise<void> {
  const { fence } = await claim(sql, checkpointNo)
  await writePage(sql, {
    streamNo: opened.streamNo,
    observations: [],
    path: 'change',
    fence,
    cursor,
    hints: [],
    looked: [],
    seen: null,
  })
}

function rowOf(opened: Opened, name: string) {
  return {
    syncId: opened.syncId,
    streamNo: opened.streamNo,
    name: `feed/${name}`,
    kind: 'feed' as const,
    sourceNo: null,
  }
}

async function positions(sql: Sql, syncId: string) {
  const rows = await sql<(Followed & { positioned: boolean })[]>`
    select substr(name, 6) as name, checkpoint_no as "checkpointNo", coalesce(cursor::text <> 'null', false) as positioned,
           coalesce(extract(epoch from moved_at) * 1000, 0)::float8 as "movedAtMs"
      from checkpoint
     where sync_id = ${syncId} and kind = 'feed' and name like 'feed/%'`
  return new Map(rows.map((row) => [row.name, row]))
}

/** Is somebody telling of this collection's changes? Else comparing is all there is. */
export async function isFollowed(sql: Sql, opened: Opened, source: OpenSource): Promise<boolean> {
  const feed = feedOf(source)
  // no feed by the connector's own word: its enumerations come as often as it says
  return feed === null || (await positions(sql, opened.syncId)).get(feed)?.positioned === true
}
