import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { migrate } from '../../src/db/migrate.ts'
import { openPools } from '../../src/db/pools.ts'
import { createDispatcher } from '../../src/delivery/dispatcher.ts'
import { createNotifier } from '../../src/delivery/notifier.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { startPostgres } from '../../src/main/embedded/postgres.ts'
import { fewAreABacklog } from '../support/backlog.ts'
import { makeConsumer, makeStream } from '../support/stream.ts'
import { checkAtRest, untilAtRest } from './atRest.ts'
import type { Tested } from './consumers.ts'
import { readAlong, work } from './consumers.ts'
import { createCounts } from '../support/counts.ts'
import { endBackends, killPostgres, watchInvariants } from './faults.ts'
import type { Kept } from './ledger.ts'
import { Ledger } from './ledger.ts'
import { createRandom } from '../support/random.ts'
import type { Random } from '../support/random.ts'
import type { World } from './world.ts'
import { addSync, eachRound } from './world.ts'
import { drainHints, followFeeds, listCollections } from './writers.ts'

const syncsAtFirst = 6
const syncsMax = 24
const workersEach = 4
/** Changes that a feed may be behind before its collection stands still. */
const unreadMax = 500

/**
 * The stream under everything at once: a model of an upstream, 8 writers, 3 filtered consumers with 4 workers each on two
 * dispatchers, a reader with a cursor, syncs that are made meanwhile, backends that are ended, one SIGKILL of Postgres.
 * Then all comes to rest and is compared. Returns the number of violations.
 */
export async function soakStream(options: {
  seconds: number
  seed: number
  say(line: string): void
}): Promise<number> {
  const { seconds, say } = options
  const random = createRandom(options.seed)
  const dir = mkdtempSync(join(tmpdir(), 'sluice-soak-'))
  const at = { dir: join(dir, 'postgres'), port: await anyFree() }
  let postgres = await startPostgres(at)
  await migrate(postgres.url)
  const open = (name: string, write: number) =>
    openPools(postgres.url, { applicationName: name, write, deliver: 6 })
  const [pools, watchPools, ...apis] = [
    open('soak', 12),
    open('soak-watch', 2),
    open('soak-api-1', 1),
    open('soak-api-2', 1),
  ]
  const [stop, end] = [new AbortController(), new AbortController()]
  await fewAreABacklog({ sql: pools.write })
  const counts = createCounts()
  const stream = await makeStream(pools.write)
  const world: World = {
    stream,
    pools,
    watch: watchPools.deliver,
    synced: [],
    counts,
    stop: stop.signal,
    end: end.signal,
    leases: new Map(),
  }
  for (let i = 0; i < syncsAtFirst; i++) await addSync(world, random)
  const consumers = await makeConsumers(world)
  const dispatchers = apis.map(({ deliver, listen }) => {
    const notifier = createNotifier(listen)
    return { notifier, dispatcher: createDispatcher({ sql: deliver, notifier }) }
  })
  const view = new Map<string, Kept>()
  const status = { readerAtRest: false, failed: false }

  const life = [
    ...Array.from({ length: 3 }, () => upstreamLife(world, random.fork())),
    makeSyncs(world, random.fork()),
    endBackends(world, random.fork()),
    ...Array.from({ length: 2 }, () => listCollections(world, random.fork())),
  ]
  const readers = [
    ...Array.from({ length: 4 }, () => followFeeds(world, random.fork())),
    ...Array.from({ length: 2 }, () => drainHints(world, random.fork())),
    ...consumers.flatMap((tested) =>
      Array.from({ length: workersEach }, (_, i) =>
        work(world, tested, dispatchers[i % dispatchers.length]!.dispatcher, random.fork()),
      ),
    ),
    readAlong(world, view, (atRest) => (status.readerAtRest = atRest)),
    watchInvariants(world),
  ]
  const everybody = Promise.all([...life, ...readers])
  everybody.catch((error: unknown) => {
    counts.violation(
      'unforeseen error',
      String(error instanceof Error ? (error.stack ?? error) : error),
    )
    status.failed = true
    stop.abort()
  })

  await delay(seconds * (400 + random.int(200)), undefined, { signal: stop.signal }).catch(
    () => undefined,
  )
  const killedAtMs = Date.now()
  for (const { ledger } of consumers) ledger.crashed(killedAtMs)
  postgres = await killPostgres(postgres, at)
  for (const { ledger } of consumers) ledger.crashed(killedAtMs)
  say(`Postgres was killed and is up again after ${Date.now() - killedAtMs} ms`)
  const leftMs = Math.max(0, seconds * 500 - (Date.now() - killedAtMs))
  await delay(leftMs, undefined, { signal: stop.signal }).catch(() => undefined)

  stop.abort()
  await Promise.allSettled(life)
  if (await untilAtRest(world, consumers, () => status)) await checkAtRest(world, consumers, view)
  end.abort()
  await everybody.catch(() => undefined)
  say(counts.print())
  for (const { dispatcher, notifier } of dispatchers) {
    await dispatcher.close()
    await notifier.close()
  }
  await Promise.all([pools, watchPools, ...apis].map((one) => one.end()))
  await postgres.stop()
  rmSync(dir, { recursive: true, force: true })
  return counts.violations()
}

async function makeConsumers({ pools, stream, counts }: World): Promise<Tested[]> {
  const base = { ackWaitMs: 2000, maxAckPending: 150 }
  const all = await makeConsumer(pools.write, stream, { ...base, filters: { provider: 'soak' } })
  const parts = await makeConsumer(pools.write, stream, {
    ...base,
    filters: { collection_id: ['soak:part'] },
  })
  const pro = await makeConsumer(pools.write, stream, {
    ...base,
    filters: { metadata: { plan: 'pro' } },
    maxDeliver: 4,
  })
  return [
    { consumer: all, ledger: new Ledger('all', counts), fits: () => true },
    {
      consumer: parts,
      ledger: new Ledger('parts', counts),
      fits: (one) => one.collectionId === 'soak:part',
    },
    { consumer: pro, ledger: new Ledger('pro', counts), fits: (one) => one.plan === 'pro' },
  ]
}

/** Some hundred changes a second, in bursts on one collection. */
async function upstreamLife(world: World, random: Random): Promise<void> {
  await eachRound(world, world.stop, 'life', async () => {
    const { upstream, readTo } = random.pick(world.synced)
    // else what is left to read grows with the length of the run, and it never comes to rest
    if (upstream.changes.length - readTo > unreadMax) return false
    for (let i = random.int(20); i >= 0; i--) {
      upstream.change(random)
      world.counts.add('upstream changes')
    }
    await delay(10 + random.int(60))
  })
}

/** The first records of a sync that is made while consumers scan must be skipped by none. */
async function makeSyncs(world: World, random: Random): Promise<void> {
  await eachRound(world, world.stop, 'making syncs', async () => {
    await delay(500 + random.int(2000))
    if (world.synced.length >= syncsMax) return
    await addSync(world, random)
    world.counts.add('syncs made meanwhile')
  })
}
