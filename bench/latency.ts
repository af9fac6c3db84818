import { setTimeout as delay } from 'node:timers/promises'
import { writePage } from '../src/stream/write.ts'
import type { Observation } from '../src/stream/write.ts'
import { startApi, tokensOf } from './support/api.ts'
import type { Client } from './support/api.ts'
import type { Database } from './support/database.ts'
import { consumerOf, fill, startDatabase } from './support/database.ts'
import { quantile } from './support/measure.ts'
import { bodyOf, observation } from './support/records.ts'
import type { Case, Flags } from './support/report.ts'

type Load = { perSecond: number; page: number; seconds: number; records: number }

/** A page that was written: when its commit was answered, and who got records of it before that was known. */
type Page = { committedAt: number | null; early: number }

/** From the commit of a change to the worker that waits for it over HTTP; see README.md. */
export async function latency(flags: Flags, report: (result: Case) => void): Promise<void> {
  const load = {
    perSecond: flags.number('rate', 2000),
    page: flags.number('page', 20),
    seconds: flags.number('seconds', 15),
    records: flags.number('records', 20_000),
  }
  const consumers = flags.number('consumers', 3)
  const database = await startDatabase({ sources: 4 })
  const api = await startApi(database.url)
  const client = api.client()
  try {
    await fill(database, load.records)
    const pages = new Map<number, Page>()
    const latencies: number[] = []
    const stopped = new AbortController()
    const made = await Promise.all(
      Array.from({ length: consumers }, () => consumerOf(database, { deliverPolicy: 'new' })),
    )
    const workers = made.map((consumer) =>
      work(
        client,
        consumer.id,
        stopped.signal,
        (page, at) => {
          if (page.committedAt === null) page.early++
          else latencies.push(at - page.committedAt)
        },
        pages,
      ),
    )
    const written = await change(database, load, pages, latencies)
    const expected = written * consumers
    await until(() => latencies.length >= expected, 30_000)
    stopped.abort()
    await Promise.all(workers)
    const after = latencies.slice(Math.floor(latencies.length / 5)) // the first fifth warms up
    report({ case: 'changes committed', value: written / load.seconds, unit: 'records/s' })
    for (const [name, share, limit] of [
      ['p50', 0.5, 15],
      ['p99', 0.99, 60],
    ] as const) {
      const value = quantile(after, share)
      report({
        case: `commit to consumer, ${name}`,
        value,
        unit: 'ms',
        peer_value: limit,
        ratio: limit / value,
      })
    }
  } finally {
    client.close()
    await api.stop()
    await database.stop()
  }
}

/** Pages at an even pace, by the clock: where a page is late the next ones catch up. Returns how many records changed. */
async function change(
  database: Database,
  { perSecond, page, seconds, records }: Load,
  pages: Map<number, Page>,
  latencies: number[],
): Promise<number> {
  const bodies = Array.from({ length: records }, (_, i) =>
    bodyOf(`id_${i}`, 0).split('"version":0'),
  )
  const { sources } = database
  const everyMs = (1000 * page) / perSecond
  const count = Math.floor((seconds * 1000) / everyMs)
  const started = performance.now()
  const writes: Promise<void>[] = []
  for (let n = 1; n <= count; n++) {
    await delay(Math.max(0, started + n * everyMs - performance.now()))
    const entry: Page = { committedAt: null, early: 0 }
    pages.set(n, entry)
    const group = Math.floor(((n * page) % records) / 500) // as fill() has laid them
    const observations = Array.from({ length: page }, (_, i) => {
      const at = (n * page + i) % records
      return observation(
        sources[group % sources.length]!,
        `id_${at}`,
        bodies[at]!.join(`"version":${n}`),
      )
    })
    writes.push(
      commit(database, observations, entry).then((early) => {
        for (let i = 0; i < early; i++) latencies.push(0)
        return undefined
      }),
    )
  }
  await Promise.all(writes)
  return count * page
}

/** Returns how many deliveries of the page came before its commit was answered. */
async function commit(
  { pools, streamNo }: Database,
  observations: Observation[],
  entry: Page,
): Promise<number> {
  const rest = { fence: null, hints: [], looked: [], seen: null }
  await writePage(pools.write, { streamNo, observations, path: 'change', ...rest })
  entry.committedAt = performance.now()
  return entry.early
}

/** One worker of one consumer: takes what there is, notes when it came, acks. */
async function work(
  client: Client,
  consumerId: string,
  signal: AbortSignal,
  note: (page: Page, at: number) => void,
  pages: Map<number, Page>,
): Promise<void> {
  while (!signal.aborted) {
    const answer = await client.next(consumerId, 100, 1000)
    const at = performance.now()
    for (const [, version] of answer.matchAll(/"version":(\d+)/g)) {
      const page = pages.get(Number(version))
      if (page !== undefined) note(page, at)
    }
    const tokens = tokensOf(answer)
    if (tokens.length > 0) await client.ack(consumerId, tokens)
  }
}

async function until(met: () => boolean, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!met()) {
    if (performance.now() > deadline)
      throw new Error('Not every change reached every consumer in time.')
    await delay(10)
  }
}
