import { claim } from '../src/delivery/next.ts'
import { createCounter } from '../src/delivery/counts.ts'
import { createDispatcher } from '../src/delivery/dispatcher.ts'
import { consumerInfo } from '../src/delivery/info.ts'
import { createNotifier } from '../src/delivery/notifier.ts'
import { writePage } from '../src/stream/write.ts'
import type { Database } from './support/database.ts'
import { consumerOf, fill, settle, startDatabase } from './support/database.ts'
import { median, timed } from './support/measure.ts'
import { cpuMs } from './support/process.ts'
import { bodyOf, observation } from './support/records.ts'
import type { Case, Flags } from './support/report.ts'

const small = 10_000
const batch = 100

/**
 * What a record costs in a stream of 10 thousand and of `--records` 5 million, and beside 1 and `--consumers` 200 consumers of
 * which three are busy; see README.md.
 */
export async function size(flags: Flags, report: (result: Case) => void): Promise<void> {
  const large = flags.number('records', 5_000_000)
  const consumers = flags.number('consumers', 200)
  const rounds = flags.number('rounds', 5)
  const database = await startDatabase({
    sources: 4,
    sharedBuffers: flags.text('shared-buffers', '1GB'),
  })
  const flat = (name: string, before: Cost, after: Cost) => {
    const rate = { value: after.perSecond, peer_value: before.perSecond, unit: 'records/s' }
    report({ case: name, ...rate, ratio: rate.value / rate.peer_value })
    const spent = { value: after.postgresUs, peer_value: before.postgresUs, unit: 'µs/record' }
    report({
      case: `${name}, time of Postgres`,
      ...spent,
      ratio: spent.peer_value / spent.value,
    })
  }
  try {
    await fill(database, small)
    const few = await measure(database, rounds, 0)
    await grow(database, large)
    const many = await measure(database, rounds, 1)
    flat(`changed records written, ${large} beside ${small}`, few.write, many.write)
    flat(`next and ack, ${large} beside ${small}`, few.read, many.read)
    for (let i = 1; i < consumers; i++) await consumerOf(database, { deliverPolicy: 'new' })
    const crowded = await measure(database, rounds, 2)
    flat(`next and ack, ${consumers} consumers beside 1`, many.read, crowded.read)
    await lookups(database, large, report)
  } finally {
    await database.stop()
  }
}

/** Medians. The processor time of Postgres tells more than the clock where other jobs run beside. */
type Cost = { perSecond: number; postgresUs: number }

/** Rounds of changing 10,000 records and reading them with three consumers. */
async function measure(
  database: Database,
  rounds: number,
  phase: number,
): Promise<{ write: Cost; read: Cost }> {
  const writes: Cost[] = []
  const reads: Cost[] = []
  const busy = await Promise.all(
    [1, 2, 3].map(() => consumerOf(database, { deliverPolicy: 'new' })),
  )
  const notifier = createNotifier(database.pools.listen)
  const dispatcher = createDispatcher({ sql: database.pools.deliver, notifier })
  const { signal } = new AbortController()
  for (let round = 0; round < rounds; round++) {
    await settle(database)
    writes.push(await costOf(database, small, () => change(database, 1 + phase * rounds + round)))
    const read = () =>
      timed(busy.length, async (n) => {
        for (;;) {
          const consumer = busy[n]!
          const { items } = await dispatcher.next({ consumer, batchSize: batch, waitMs: 0, signal })
          if (items.length === 0) return
          await dispatcher.ack(
            consumer,
            items.map(({ ackToken }) => ackToken),
          )
        }
      })
    reads.push(await costOf(database, busy.length * small, read))
  }
  await dispatcher.close()
  await notifier.close()
  return { write: medianOf(writes), read: medianOf(reads) }
}

/** `act` gives the seconds that it took. */
async function costOf(
  { pid }: Database,
  records: number,
  act: () => Promise<number>,
): Promise<Cost> {
  const before = await cpuMs(pid)
  const seconds = await act()
  return {
    perSecond: records / seconds,
    postgresUs: ((await cpuMs(pid)) - before) * (1000 / records),
  }
}

function medianOf(costs: Cost[]): Cost {
  return {
    perSecond: median(costs.map((cost) => cost.perSecond)),
    postgresUs: median(costs.map((cost) => cost.postgresUs)),
  }
}

/** The first 10,000 records, by four writers; seconds. */
async function change({ pools, streamNo, sources }: Database, version: number): Promise<number> {
  const pages = Array.from({ length: small / batch }, (_, page) =>
    Array.from({ length: batch }, (__, i) => {
      const no = page * batch + i
      // as `fill` laid them out: pages of 500, the sources in turn
      const source = sources[Math.floor(no / 500) % sources.length]!
      return observation(source, `id_${no}`, bodyOf(`id_${no}`, version))
    }),
  )
  return await timed(4, async (writer) => {
    for (let page = writer; page < pages.length; page += 4) {
      await writePage(pools.write, {
        streamNo,
        observations: pages[page]!,
        path: 'change',
        fence: null,
        hints: [],
        looked: [],
        seen: null,
      })
    }
  })
}

/** The rest of a large stream, made in the database: bodies of 1.5 kB, numbers as if written one after the other. */
async function grow(database: Database, total: number): Promise<void> {
  const { pools, streamNo, sources } = database
  const slice = 250_000
  for (;;) {
    const [head] = await pools.write<{ last: string; records: string }[]>`
      select last_idx as last, (select max(record_no) from record where stream_no = ${streamNo}) as records
        from stream_head where stream_no = ${streamNo}`
    const last = Number(head!.last)
    const count = Math.min(slice, total - last)
    if (count <= 0) break
    await pools.write`
      insert into record (stream_no, source_no, upstream_id, updated_idx, record_no, changed_at, observed_at, hash, deleted, data)
      select ${streamNo}::int, (${sources}::int[])[1 + n % ${sources.length}::int], 'more_' || (${last}::bigint + n), ${last}::bigint + n, ${last}::bigint + n,
             clock_timestamp(), clock_timestamp(), gen_random_uuid(), false,
             ('{"id":"more_' || (${last}::bigint + n) || '","note":"' || repeat(md5(n::text), 44) || '"}')::json
        from generate_series(1, ${count}::int) n`
    await pools.write`update stream_head set last_idx = ${last + count}::bigint where stream_no = ${streamNo}`
  }
  await settle(database)
}

/** What is asked of a large stream at once. */
async function lookups(
  database: Database,
  large: number,
  report: (result: Case) => void,
): Promise<void> {
  const { pools, streamNo } = database
  const consumer = await consumerOf(database)
  const ms = async (act: () => Promise<unknown>) =>
    (await timed(1, async () => void (await act()))) * 1000
  const unit = 'ms'
  report({
    case: `num_pending of a consumer at the start of ${large}`,
    value: await ms(() => consumerInfo(pools.deliver, consumer.consumerNo)),
    unit,
  })
  report({
    case: `first next of a consumer at the start of ${large}`,
    value: await ms(() => claim(pools.deliver, consumer, batch)),
    unit,
  })
  const counter = createCounter(pools.deliver, Date.now)
  report({
    case: `counts of ${large} by collection`,
    value: await ms(() => counter.of(streamNo)),
    unit,
  })
  report({ case: 'the same, asked again', value: await ms(() => counter.of(streamNo)), unit })
}
