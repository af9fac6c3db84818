import { setTimeout as delay } from 'node:timers/promises'
import { grouped } from '../src/api/grouped.ts'
import { writePage } from '../src/stream/write.ts'
import { startApi, tokensOf } from './support/api.ts'
import type { Api, Client } from './support/api.ts'
import type { Database } from './support/database.ts'
import { consumerOf, fill, startDatabase } from './support/database.ts'
import { median } from './support/measure.ts'
import { bodyOf, observation } from './support/records.ts'
import type { Case, Flags } from './support/report.ts'

type Sample = { minute: number; rssMb: number; heapMb: number; waiting: number }
/** `waiting`: calls of `next` that are under way now. */
type Counts = { waiting: number; answered: number; hungUp: number; delivered: number }

const records = 5000
const page = 20
/** Consumers that the calls which wait in vain are spread over. */
const sleepers = 8
const sampleEveryMs = 1000
/** A thousand connections at once are another bench. */
const startEveryMs = 5

/**
 * Memory of the API process while `--waiters` calls of `next` wait and `--rate` changes a second are written, taken by three
 * consumers and acked: see README.md.
 */
export async function waiting(flags: Flags, report: (result: Case) => void): Promise<void> {
  const waiters = flags.number('waiters', 1000)
  const minutes = flags.number('minutes', 1)
  const perSecond = flags.number('rate', 500)
  const database = await startDatabase({ sources: 1 })
  const api = await startApi(database.url)
  const client = api.client()
  const stopped = new AbortController()
  const counts: Counts = { waiting: 0, answered: 0, hungUp: 0, delivered: 0 }
  try {
    await fill(database, records)
    const calls = await start(database, client, waiters, stopped.signal, counts)
    const writing = change(database, perSecond, stopped.signal)
    const ended = Promise.all([...calls, writing])
    // a call that fails ends the bench at once
    const samples = await Promise.race([sample(api, counts, minutes), ended.then(() => [])])
    stopped.abort()
    await ended
    tell(samples, counts, report)
  } finally {
    stopped.abort()
    client.close()
    await api.stop()
    await database.stop()
  }
}

/** Three busy consumers with a tenth of the calls; the others wait for a sync that does not exist, and one in five hangs up. */
async function start(
  database: Database,
  client: Client,
  waiters: number,
  signal: AbortSignal,
  counts: Counts,
): Promise<Promise<void>[]> {
  const settings = { deliverPolicy: 'new', maxWaiting: 1000 } as const
  const made = (count: number, filters: { sync_id?: string }) =>
    Promise.all(Array.from({ length: count }, () => consumerOf(database, { ...settings, filters })))
  const busy = await made(3, {})
  const idle = await made(sleepers, { sync_id: crypto.randomUUID() })
  const calls: Promise<void>[] = []
  for (let i = 0; i < waiters; i++) {
    await delay(startEveryMs)
    if (i < waiters / 10) calls.push(work(client, busy[i % busy.length]!.id, signal, counts))
    else calls.push(wait(client, idle[i % sleepers]!.id, i % 5 === 0, signal, counts))
  }
  return calls
}

async function work(
  client: Client,
  consumerId: string,
  signal: AbortSignal,
  counts: Counts,
): Promise<void> {
  while (!signal.aborted) {
    counts.waiting++
    const tokens = tokensOf(await client.next(consumerId, 10, 1000))
    counts.waiting--
    if (tokens.length > 0) await client.ack(consumerId, tokens)
    counts.delivered += tokens.length
  }
}

/** Calls again at once, after an answer as after hanging up. Each has a time of its own, so that they never come together. */
async function wait(
  client: Client,
  consumerId: string,
  hangsUp: boolean,
  signal: AbortSignal,
  counts: Counts,
): Promise<void> {
  while (!signal.aborted) {
    const waitMs = 2000 + Math.floor(Math.random() * 8000)
    const patience = AbortSignal.timeout(hangsUp ? Math.floor(waitMs / 2) : 60_000)
    counts.waiting++
    try {
      await client.next(consumerId, 100, waitMs, patience)
      counts.answered++
    } catch (error) {
      if (!patience.aborted) throw error
      counts.hungUp++
    } finally {
      counts.waiting--
    }
  }
}

async function change(database: Database, perSecond: number, signal: AbortSignal): Promise<void> {
  const everyMs = (1000 * page) / perSecond
  const started = performance.now()
  for (let n = 1; !signal.aborted; n++) {
    await delay(Math.max(0, started + n * everyMs - performance.now()))
    const ids = Array.from({ length: page }, (_, i) => `id_${(n * page + i) % records}`)
    const rest = { fence: null, hints: [], looked: [], seen: null }
    await writePage(database.pools.write, {
      streamNo: database.streamNo,
      observations: ids.map((id) => observation(database.sources[0]!, id, bodyOf(id, n))),
      path: 'change',
      ...rest,
    })
  }
}

async function sample(api: Api, counts: Counts, minutes: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const started = performance.now()
  for (;;) {
    const minute = (performance.now() - started) / 60_000
    if (minute >= minutes) return samples
    const metrics = await api.metrics()
    samples.push({
      minute,
      rssMb: api.rssMb(),
      heapMb: valueOf(metrics, 'nodejs_heap_size_used_bytes') / 2 ** 20,
      waiting: counts.waiting,
    })
    await delay(sampleEveryMs)
  }
}

function valueOf(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN)
}

/** The heap just after a collection is what leaks would raise: the lowest of each window. */
function tell(samples: Sample[], counts: Counts, report: (result: Case) => void): void {
  for (const [minute, within] of grouped(samples, (at) => Math.floor(at.minute))) {
    const value = median(within.map((at) => at.rssMb))
    report({ case: `memory in minute ${minute + 1}`, value, unit: 'MB' })
  }
  const quarter = Math.floor(samples.length / 4)
  const windows = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)] as const
  const flat = (name: string, of: (window: Sample[]) => number) => {
    const [early, late] = windows.map(of) as [number, number]
    report({ case: name, value: late, unit: 'MB', peer_value: early, ratio: early / late })
  }
  flat('memory, last quarter beside the second', (window) => median(window.map((at) => at.rssMb)))
  flat('heap in use after a collection, likewise', (window) =>
    Math.min(...window.map((at) => at.heapMb)),
  )
  const minutes = samples.at(-1)!.minute
  report({
    case: 'calls that waited',
    value: median(samples.map((at) => at.waiting)),
    unit: 'calls',
  })
  report({ case: 'answered empty', value: counts.answered / minutes, unit: 'calls/min' })
  report({ case: 'hung up', value: counts.hungUp / minutes, unit: 'calls/min' })
  report({ case: 'delivered', value: counts.delivered / minutes / 60, unit: 'records/s' })
}
