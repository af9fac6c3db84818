import { setTimeout as delay } from 'node:timers/promises'
import type { Pools, Sql } from '../../src/db/pools.ts'
import { isAppError } from '../../src/domain/error.ts'
import { beginGeneration, ensureFeed } from '../../src/stream/checkpoint.ts'
import { makeSource } from '../support/stream.ts'
import type { TestSource, TestStream } from '../support/stream.ts'
import type { Counts } from '../support/counts.ts'
import type { Random } from '../support/random.ts'
import { Collection } from './upstream.ts'

export type Plan = 'free' | 'pro'

/** A collection of the upstream, the source that it goes to, and where its feed stands. */
export type Synced = TestSource & {
  upstream: Collection
  plan: Plan
  feedNo: number
  /** Changes that were read from the feed. */
  readTo: number
  drainNo: number
}

/** What all actors share. `stop` ends the upstream's life and the faults; `end` ends everybody. */
export type World = {
  stream: TestStream
  pools: Pools
  /** Connections that no fault ends. */
  watch: Sql
  synced: Synced[]
  counts: Counts
  stop: AbortSignal
  end: AbortSignal
  /** Latest lease known of each checkpoint: a page that is sent under an older one must write nothing. */
  leases: Map<number, string>
}

const collectionIds = ['soak:thing', 'soak:part'] as const

/** A sync of one collection: its source first, as the API makes it, then its feed. */
export async function addSync(
  world: Pick<World, 'pools' | 'stream' | 'synced'>,
  random: Random,
): Promise<void> {
  const { pools, stream, synced } = world
  const plan = random.pick(['free', 'pro'] as const)
  const collectionId = random.pick(collectionIds)
  const source = await makeSource(pools.write, stream, {
    collectionId,
    metadata: { plan },
    externalId: plan,
  })
  const feed = async (name: string) =>
    await ensureFeed(pools.write, {
      syncId: source.syncId,
      streamNo: stream.streamNo,
      name,
      kind: 'feed',
      sourceNo: null,
      start: 0,
    })
  const upstream = new Collection(`${collectionId}/${source.sourceNo}`, random.chance(0.5))
  const { checkpointNo: feedNo } = await feed('feed/changes')
  const { checkpointNo: drainNo } = await feed('touched')
  synced.push({ ...source, upstream, plan, feedNo, readTo: 0, drainNo })
}

export async function beginListing({ pools }: World, one: Synced): Promise<number> {
  return await beginGeneration(pools.write, {
    ...one,
    ranges: [
      { loMs: 500, hiMs: null },
      { loMs: null, hiMs: 500 },
    ],
  })
}

/** When a request is granted, by the clock that all share: what it reads it reads after. */
export async function granted(sql: Sql): Promise<string> {
  const [row] = await sql<{ at: string }[]>`
    select to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`
  return row!.at
}

/** Mostly short; now and then long enough that the world has moved on. */
export async function stall(random: Random): Promise<void> {
  if (random.chance(0.5)) return
  await delay(random.chance(0.1) ? 200 + random.int(1500) : random.int(40))
}

/** Tries again whatever the database's faults break, until `signal`; being fenced is counted and is no error. */
export async function eachRound(
  world: World,
  signal: AbortSignal,
  name: string,
  round: () => Promise<boolean | void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if ((await round()) === false) await delay(20)
    } catch (error) {
      if (isAppError(error, 'stopped')) world.counts.add('pages fenced')
      else if (isAppError(error, 'transient') || isConnectionError(error)) {
        world.counts.add(`${name} errors`)
        await delay(50)
      } else throw error
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** What a raw query of the soak itself throws when its backend was ended. */
export function isConnectionError(error: unknown): boolean {
  const code = error instanceof Error ? String((error as Error & { code?: unknown }).code) : ''
  return /^(57P0|08|CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE)/.test(code)
}
