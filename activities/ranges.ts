/** Reads the open ranges of one collection, a few at once, and cuts the largest while a reader has nothing to do. */
import type { Bounds, Context, Json, Page } from '../src/connectors/connector.ts'
import { limits } from '../src/domain/limits.ts'
import { leftOf, splitPoint } from '../src/domain/plan.ts'
import type { Claim, OpenRange } from '../src/stream/checkpoint.ts'
import { claim, splitRange } from '../src/stream/checkpoint.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened, OpenSource } from './open.ts'
import { storePage } from './pages.ts'

export type RangesOptions = {
  deps: ActivityDeps
  opened: Opened
  source: OpenSource
  ranges: OpenRange[]
  ctx: Context
  /** True: begin no further page. */
  over(): boolean
  onPage(records: number): void
}

/** Ends when all ranges are done, `over` says so, or the first error, which is thrown when nothing runs any more. */
export async function readRanges(options: RangesOptions): Promise<void> {
  const pool: Pool = {
    waiting: options.ranges.map((range) => range.checkpointNo),
    active: new Set(),
    busy: 0,
    idle: 0,
    wakes: [],
    error: null,
  }
  const over = () => pool.error !== null || options.over()
  const reader = async () => {
    for (let next = await take(pool, over); next !== null; next = await take(pool, over)) {
      try {
        await readRange({ ...options, over }, pool, next)
      } catch (error) {
        pool.error ??= { thrown: error }
      }
    }
  }
  const readers = options.source.collection.ranges
    ? limits.readersAtOnce
    : Math.min(limits.readersAtOnce, options.ranges.length)
  await Promise.all(Array.from({ length: readers }, reader))
  if (pool.error !== null) throw pool.error.thrown
}

type Active = { loMs: number | null; oldestMs: number }

type Pool = {
  waiting: number[]
  active: Set<Active>
  /** Readers with a range: they may yet cut it. */
  busy: number
  /** Readers without a range: a reason to cut one. */
  idle: number
  wakes: (() => void)[]
  error: { thrown: unknown } | null
}

/** The next range; waits while another reader may yet cut its own. */
async function take(pool: Pool, over: () => boolean): Promise<number | null> {
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

function wakeAll(pool: Pool): void {
  for (const wake of pool.wakes.splice(0)) wake()
}

async function readRange(options: RangesOptions, pool: Pool, checkpointNo: number): Promise<void> {
  const { deps, over } = options
  const mine: Active = { loMs: null, oldestMs: Infinity }
  pool.active.add(mine)
  let reading: Promise<Page> | null = null
  let writing: Promise<void> = Promise.resolve()
  try {
    const claimed = await claim(deps.pools.write, checkpointNo)
    if (claimed.done) return
    mine.loMs = claimed.loMs
    reading = read(options, claimed.cursor, { fromMs: mine.loMs, toMs: claimed.hiMs })
    while (reading !== null) {
      const page: Page = await reading
      const newestMs = mine.oldestMs === Infinity ? (claimed.hiMs ?? deps.now()) : mine.oldestMs
      mine.oldestMs = Math.min(page.oldestMs ?? mine.oldestMs, mine.oldestMs)
      const done = page.done || (mine.loMs !== null && mine.oldestMs < mine.loMs)
      // The next page is under way while this one is being written.
      reading =
        done || over()
          ? null
          : read(options, page.cursor, { fromMs: mine.loMs, toMs: claimed.hiMs })
      await writing
      writing = write(options, claimed, page, done)
      writing.catch(() => undefined)
      if (!done && pool.idle > 0) await share(options, pool, mine, claimed, newestMs)
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

async function write(
  { deps, opened, source, onPage }: RangesOptions,
  range: Claim,
  page: Page,
  done: boolean,
): Promise<void> {
  await storePage(deps, opened, {
    changes: page.changes,
    observedAt: page.observedAt,
    path: 'listing',
    fence: range.fence,
    cursor: page.cursor,
    ...(done ? { done } : {}),
    seen: { sourceNo: source.sourceNo, generation: range.generation!, rangeNo: range.rangeNo! },
    compares: source.backfilled,
  })
  onPage(page.changes.length)
}

/** Gives the older part of what is left to an idle reader, if this is the largest range and worth it. */
async function share(
  options: RangesOptions,
  pool: Pool,
  mine: Active,
  claimed: Claim,
  newestMs: number,
): Promise<void> {
  if (!options.source.collection.ranges || mine.oldestMs === Infinity || options.over()) return
  const largest = Math.max(...[...pool.active].map(leftOf))
  if (leftOf(mine) < largest / 2) return
  const midMs = splitPoint({ ...mine, pageSpanMs: Math.max(0, newestMs - mine.oldestMs) })
  if (midMs === null || midMs >= mine.oldestMs) return
  const made = await splitRange(options.deps.pools.write, claimed.fence, { midMs })
  if (made === null) return
  mine.loMs = midMs
  pool.waiting.push(made.checkpointNo)
  wakeAll(pool)
}
