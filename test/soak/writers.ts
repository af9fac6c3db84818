import { claim, openRanges } from '../../src/stream/checkpoint.ts'
import { finishEnumeration } from '../../src/stream/enumerate.ts'
import { dueTouched } from '../../src/stream/touched.ts'
import { writePage } from '../../src/stream/write.ts'
import type { Fence, Observation, PageWrite, Written } from '../../src/stream/write.ts'
import type { Random } from '../support/random.ts'
import type { Seen } from './upstream.ts'
import { beginListing, eachRound, granted, stall } from './world.ts'
import type { Synced, World } from './world.ts'

/**
 * A worker on the change path: takes a feed over from whoever reads it, reads some pages, leaves it. By turns it asks for
 * the objects by id, or takes the bodies out of the events, whose time is the event's own, in whole seconds: ties and late
 * ones must become hints.
 */
export async function followFeeds(world: World, random: Random): Promise<void> {
  await eachRound(world, world.end, 'feed', async () => {
    const one = random.pick(world.synced)
    const { fence, cursor } = await take(world, one.feedNo)
    let position = Number(cursor ?? 0)
    for (let page = random.int(8); page >= 0; page--) {
      const events = one.upstream.changes.slice(position, position + 1 + random.int(20))
      if (events.length === 0) return false
      const observedAt = await granted(world.pools.write)
      const ids = [...new Set(events.map(({ id }) => id))]
      const observations = random.chance(0.5)
        ? ids.map((id) => observationOf(one, one.upstream.look(id), observedAt))
        : events.map((event) => observationOf(one, event, secondOf(event.atMs)))
      await stall(random)
      position += events.length
      await put(world, { ...pageOf(one, observations, 'change', fence), cursor: position })
      one.readTo = Math.max(one.readTo, position)
    }
  })
}

function secondOf(atMs: number): string {
  return new Date(Math.floor(atMs / 1000) * 1000).toISOString()
}

/** Looks by id at what was hinted. */
export async function drainHints(world: World, random: Random): Promise<void> {
  await eachRound(world, world.end, 'drain', async () => {
    const one = random.pick(world.synced)
    const { fence } = await take(world, one.drainNo)
    const looked = await dueTouched(world.pools.write, { syncId: one.syncId, limit: 20 })
    if (looked.length === 0) return false
    const observedAt = await granted(world.pools.write)
    const observations = looked.map(({ id }) =>
      observationOf(one, one.upstream.look(id), observedAt),
    )
    await stall(random)
    await put(world, { ...pageOf(one, observations, 'change', fence), looked })
    world.counts.add('hints looked at', looked.length)
  })
}

/** Lists collections whole, again and again, and sweeps. Another worker may begin the next generation meanwhile. */
export async function listCollections(world: World, random: Random): Promise<void> {
  await eachRound(world, world.stop, 'listing', async () => {
    const one = random.pick(world.synced)
    const generation = await beginListing(world, one)
    for (const { checkpointNo } of await openRanges(world.pools.write, one)) {
      await listRange(world, random, one, checkpointNo)
    }
    const { streamNo, sourceNo } = one
    const finished = await finishEnumeration(world.pools.write, {
      streamNo,
      sourceNo,
      generation,
      boundsFromMs: null,
      deletable: true,
      byId: true,
      nextDueMs: 60_000,
    })
    if (finished !== null) world.counts.add('enumerations finished')
  })
}

async function listRange(
  world: World,
  random: Random,
  one: Synced,
  checkpointNo: number,
): Promise<void> {
  const { fence, cursor, loMs, hiMs, generation, rangeNo } = await take(world, checkpointNo)
  let after = typeof cursor === 'string' ? cursor : ''
  for (;;) {
    const limit = 8
    const observedAt = await granted(world.pools.write)
    const seen = one.upstream.list(after, limit, { loMs, hiMs })
    await stall(random)
    const done = seen.length < limit
    after = seen.at(-1)?.id ?? after
    await put(world, {
      ...pageOf(
        one,
        seen.map((object) => observationOf(one, object, observedAt)),
        'listing',
        fence,
      ),
      cursor: after,
      done,
      seen: { sourceNo: one.sourceNo, generation: generation!, rangeNo: rangeNo! },
    })
    if (done) return
  }
}

async function take(world: World, checkpointNo: number) {
  const taken = await claim(world.pools.write, checkpointNo)
  world.leases.set(checkpointNo, taken.fence.lease)
  return taken
}

/** A page under a lease that was known to be taken over before it was sent must not be written (G9). */
async function put(world: World, page: PageWrite): Promise<Written> {
  const { checkpointNo, lease } = page.fence!
  const known = world.leases.get(checkpointNo)
  const written = await writePage(world.pools.write, page)
  // claims answer in another order than they took place: only a lease that stood there long before proves something
  if (
    known !== lease &&
    page.cursor !== undefined &&
    (await claimedBefore(world, checkpointNo, known!))
  ) {
    world.counts.violation(
      'fence',
      `checkpoint ${checkpointNo} was written under a lease that was taken over`,
    )
  }
  world.counts.add('pages written')
  world.counts.add('records moved', written.inserted + written.updated)
  world.counts.add('records touched', written.touched)
  world.counts.add('observations stale', written.stale)
  world.counts.add('hints', written.hinted)
  return written
}

/** The other lease is still the one in the table: so ours was not the newer one. */
async function claimedBefore(
  { pools }: World,
  checkpointNo: number,
  lease: string,
): Promise<boolean> {
  const [row] =
    await pools.write`select 1 from checkpoint where checkpoint_no = ${checkpointNo} and lease = ${lease}`
  return row !== undefined
}

function pageOf(
  one: Synced,
  observations: Observation[],
  path: PageWrite['path'],
  fence: Fence,
): PageWrite {
  return { streamNo: one.streamNo, observations, path, fence, hints: [], looked: [], seen: null }
}

function observationOf(one: Synced, { id, raw, version }: Seen, observedAt: string): Observation {
  return {
    sourceNo: one.sourceNo,
    id,
    raw,
    deleted: raw === null,
    erased: false,
    observedAt,
    version,
    createdUs: null,
    updatedUs: null,
    volatile: [],
  }
}
