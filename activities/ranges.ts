/**
 * Reads the open ranges of one collection, a few at once, and cuts the largest while a reader has nothing to do. A provider
 * that takes its time to answer gets more readers: as many as keep a page coming every few ms.
 */
import type { Bounds, Context, Json, Page } from '../src/connectors/connector.ts'
import { createCircleCheck, endlessList } from '../src/domain/endless.ts'
import { isAppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { leftOf, splitPoints } from '../src/domain/plan.ts'
import type { Claim, OpenRange } from '../src/stream/checkpoint.ts'
import { claim, splitRange } from '../src/stream/checkpoint.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened, OpenSource } from './open.ts'
import { preparePage, storePrepared } from './pages.ts'

export type RangesOptions = {
  deps: ActivityDeps
  opened: Opened
  source: OpenSource
  ranges: OpenRange[]
  ctx: Context
  /** How long the provider takes to answer, of late; null: not known yet. */
  answerMs(): number | null
  /** True: begin no further page. */
  over(): boolean
  onPage(records: number): void
}

/**
 * Ends when all ranges are done or `over` says so. A request that failed or was told to wait ends the reading of its range
 * alone, to be read on by the next slice: whoever is told to wait is kept waiting by the quota. Any other error, or one
 * failure after the other, ends all; it is thrown when nothing runs any more, and so is a failure before the first page.
 */
export async function readRanges(options: RangesOptions): Promise<void> {
  const over = () => pool.error !== null || options.over()
  const readers: Promise<void>[] = []
  const pool: Pool = {
    waiting: options.ranges.map((range) => range.checkpointNo),
    active: new Set(),
    busy: 0,
    idle: 0,
    cutting: 0,
    readers: 0,
    wakes: [],
    pages: 0,
    failures: 0,
    failed: null,
    error: null,
    addReader() {
      pool.readers += 1
      readers.push(reader())
    },
  }
  const reader = async () => {
    for (let next = await take(pool, over); next !== null; next = await take(pool, over)) {
      try {
        await readRange({ ...options, over }, pool, next)
      } catch (error) {
        noteFailure(options, pool, error)
      }
    }
  }
  const open = options.ranges.length
  const atFirst = options.source.collection.ranges
    ? // so many were worth it before
      Math.min(Math.max(open, limits.readersAtOnce), limits.readersMost)
    : Math.min(open, limits.readersAtOnce)
  for (let made = 0; made < atFirst; made++) pool.addReader()
  // more may come while these are waited for
  for (const running of readers) await running
  if (pool.error !== null) throw pool.error.thrown
  if (pool.failed !== null && pool.pages === 0) throw pool.failed.thrown
}

function noteFailure({ deps, opened, source }: RangesOptions, pool: Pool, error: unknown): void {
  pool.failures += 1
  const passing = isAppError(error, 'transient') || isAppError(error, 'rate_limited')
  // A list without an end gives pages without end too.
  const endless = passing && error.code === 'endless-list'
  if (!passing || endless || pool.failures >= limits.failuresAtOnce) {
    pool.error ??= { thrown: error }
    return
  }
  pool.failed ??= { thrown: error }
  deps.log.info({
    event: 'range.failed',
    syncId: opened.syncId,
    collection: source.collectionId,
    reason: error.message,
  })
}

type Active = { loMs: number | null; oldestMs: number }

type Pool = {
  /** Ranges that nobody reads: to be claimed, or ours already. */
  waiting: (number | Claim)[]
  active: Set<Active>
  /** Readers with a range: they may yet cut it. */
  busy: number
  /** Readers without a range: a reason to cut one. */
  idle: number
  /** Ranges that are being cut off for them. */
  cutting: number
  readers: number
  wakes: (() => void)[]
  /** Committed. */
  pages: number
  /** Since the last page that was committed. */
  failures: number
  /** The first failure that ended one range only. */
  failed: { thrown: unknown } | null
  error: { thrown: unknown } | null
  addReader(): void
}

/** The next range; waits while another reader may yet cut its own. */
async function take(pool: Pool, over: () => boolean): Promise<number | Claim | null> {
  for (;;) {
    if (over()) return null
    const next = pool.waiting.shift()
    if (next !== undefined) {
      pool.busy += 1
      return next
    }
    if (pool.busy === 0) return null
    pool.idle += 1
    await new Promise<void>((resolve) => pool.wakes.push(resolve))
    pool.idle -= 1
  }
}

/** Readers that keep a page coming every few ms, where each answer takes so long. */
function worthHaving(answerMs: number | null): number {
  return Math.min(limits.readersMost, Math.ceil((answerMs ?? 0) / limits.pageEveryMs))
}

function addReaders(pool: Pool, worth: number): void {
  const unread = pool.waiting.length - pool.idle
  const missing = Math.min(unread, worth - pool.readers)
  for (let made = 0; made < missing; made++) pool.addReader()
}

function wakeAll(pool: Pool): void {
  for (const wake of pool.wakes.splice(0)) wake()
}

async function readRange(options: RangesOptions, pool: Pool, range: number | Claim): Promise<void> {
  const { deps, over } = options
  const mine: Active = { loMs: null, oldestMs: Infinity }
  pool.active.add(mine)
  let reading: Promise<Page> | null = null
  let writing: Promise<void> = Promise.resolve()
  try {
    const claimed = typeof range === 'number' ? await claim(deps.pools.write, range) : range
    if (claimed.done) return
    mine.loMs = claimed.loMs
    const inCircle = createCircleCheck(claimed.cursor)
    reading = read(options, claimed.cursor, { fromMs: mine.loMs, toMs: claimed.hiMs })
    while (reading !== null) {
      const page: Page = await reading
      const newestMs = mine.oldestMs === Infinity ? (claimed.hiMs ?? deps.now()) : mine.oldestMs
      mine.oldestMs = Math.min(page.oldestMs ?? mine.oldestMs, mine.oldestMs)
      const done = page.done || (mine.loMs !== null && mine.oldestMs < mine.loMs)
      if (!done && inCircle(page.cursor)) throw endlessList(options.source.collectionId)
      // The next page is under way while this one is being written.
      reading =
        done || over()
          ? null
          : read(options, page.cursor, { fromMs: mine.loMs, toMs: claimed.hiMs })
      const write = prepare(options, claimed, page, done)
      await writing
      writing = write().then(() => {
        pool.pages += 1
        pool.failures = 0
      })
      writing.catch(() => undefined)
      if (!done && options.source.collection.ranges)
        await share(options, pool, mine, claimed, newestMs)
    }
    await writing
  } finally {
    // Nothing of it goes on behind the caller's back.
    await Promise.allSettled([reading, writing])
    pool.active.delete(mine)
    pool.busy -= 1
    wakeAll(pool)
  }
}

function read({ source, ctx }: RangesOptions, cursor: Json, bounds: Bounds): Promise<Page> {
  const page = source.collection.list(ctx, cursor, bounds)
  // Awaited later; an error that comes meanwhile is not unhandled.
  page.catch(() => undefined)
  return page
}

function prepare(
  { deps, opened, source, onPage }: RangesOptions,
  range: Claim,
  page: Page,
  done: boolean,
): () => Promise<void> {
  const records = page.changes.length
  const prepared = preparePage(opened, {
    changes: page.changes,
    observedAt: page.observedAt,
    path: 'listing',
    fence: range.fence,
    cursor: page.cursor,
    ...(done ? { done } : {}),
    seen: { sourceNo: source.sourceNo, generation: range.generation!, rangeNo: range.rangeNo! },
    compares: source.backfilled,
  })
  return async () => {
    await storePrepared(deps, opened, prepared)
    onPage(records)
  }
}

/** Gives the older part of what is left to idle readers, if this is one of the largest ranges and worth it. */
async function share(
  options: RangesOptions,
  pool: Pool,
  mine: Active,
  claimed: Claim,
  newestMs: number,
): Promise<void> {
  const worth = worthHaving(options.answerMs())
  addReaders(pool, worth)
  const free = pool.idle + Math.max(0, worth - pool.readers) - pool.waiting.length - pool.cutting
  if (free <= 0 || mine.oldestMs === Infinity || options.over()) return
  const largest = Math.max(...[...pool.active].map(leftOf))
  if (leftOf(mine) < largest / 2) return
  const pageSpanMs = Math.max(0, newestMs - mine.oldestMs)
  const midsMs = splitPoints({ ...mine, pageSpanMs }, free)
  if (midsMs.length === 0) return
  pool.cutting += midsMs.length
  try {
    const made = await splitRange(options.deps.pools.write, claimed.fence, { midsMs })
    if (made.length === 0) return
    mine.loMs = midsMs[0]!
    pool.waiting.push(...made)
  } finally {
    pool.cutting -= midsMs.length
  }
  addReaders(pool, worth)
  wakeAll(pool)
}
