import { randomUUID } from 'node:crypto'
import { answer } from '../src/delivery/answers.ts'
import { createDispatcher } from '../src/delivery/dispatcher.ts'
import { claim } from '../src/delivery/next.ts'
import { createNotifier } from '../src/delivery/notifier.ts'
import { decodeToken } from '../src/delivery/token.ts'
import { startApi } from './support/api.ts'
import type { Api } from './support/api.ts'
import { startBare } from './support/bare.ts'
import type { Bare } from './support/bare.ts'
import type { Database } from './support/database.ts'
import { consumerOf, fill, settle, startDatabase } from './support/database.ts'
import { median, timed } from './support/measure.ts'
import { startNats } from './support/nats.ts'
import { cpuMs } from './support/process.ts'
import type { Case, Flags } from './support/report.ts'
import { finished, spawnNode } from './support/stack.ts'
import { startWorkers } from './support/workers.ts'
import type { Workers } from './support/workers.ts'
import { waiting } from './waiting.ts'

type Shape = { records: number; workers: number; batch: number }

/** Taking and acking records of 1.5 kB: our module, through HTTP, and three peers; see README.md. */
export async function nextAck(flags: Flags, report: (result: Case) => void): Promise<void> {
  if (flags.number('waiters', 0) > 0) return await waiting(flags, report)
  const records = flags.number('records', 20_000)
  const shape = { records, workers: flags.number('workers', 4), batch: flags.number('batch', 100) }
  const rounds = flags.number('rounds', 5)
  const database = await startDatabase({ sources: 4 })
  const api = await startApi(database.url)
  const second = await startApi(database.url, api.key)
  const bare = await startBare(records)
  const client = startWorkers()
  const unit = 'records/s'
  try {
    await fill(database, records)
    for (let i = flags.number('consumers', 1); i > 1; i--)
      await consumerOf(database, { deliverPolicy: 'new' })
    const ones = { records, workers: 256, batch: 1 }
    const spent = { http: [] as Spent[], one: [] as Spent[], swapped: [] as Spent[] }
    const both = [api, second]
    const runs = await inTurn(rounds, {
      dispatcher: () => throughDispatcher(database, shape),
      direct: () => throughSql(database, shape),
      http: () => throughHttp(database, [api], client, shape, spent.http),
      one: () => throughHttp(database, [api], client, ones, spent.one),
      swapped: () => throughHttp(database, [api], client, ones, spent.swapped, true),
      oneByTwo: () => throughHttp(database, both, client, ones, []),
      swappedByTwo: () => throughHttp(database, both, client, ones, [], true),
      bare: () => throughBare(bare, client, ones),
    })
    const name = `${shape.workers} × ${shape.batch}`
    const measured = await peers(database, shape, rounds)
    for (const [ours, value] of [
      ['in SQL', median(runs.direct)],
      ['dispatcher', median(runs.dispatcher)],
    ] as const) {
      for (const [peer, seconds] of measured) {
        const peer_value = records / seconds
        const ratio = value / peer_value
        report({ case: `${name}, ${ours}, beside ${peer}`, value, unit, peer_value, ratio })
      }
    }
    const http = median(runs.http)
    const beside = (shown: string, value: number, what: string, peer_value: number) =>
      report({
        case: `${shown}, beside ${what}`,
        value,
        unit,
        peer_value,
        ratio: value / peer_value,
      })
    beside(`${name}, through HTTP`, http, '20,000', 20_000)
    for (const [shown, each] of [
      ['256 × 1, through HTTP', runs.one],
      ['256 × 1, acks in the next call', runs.swapped],
      ['256 × 1, two API processes', runs.oneByTwo],
      ['256 × 1, two API processes, acks in the next call', runs.swappedByTwo],
    ] as const) {
      beside(shown, median(each), '20,000', 20_000)
      beside(shown, median(each), name, http)
    }
    beside('256 × 1, through HTTP', median(runs.one), 'a bare node:http server', median(runs.bare))
    for (const [shown, each] of [
      [name, spent.http],
      ['256 × 1', spent.one],
      ['256 × 1, acks in the next call', spent.swapped],
    ] as const) {
      for (const part of ['api', 'postgres', 'client'] as const) {
        const us = median(each.map((one) => one[part]))
        report({ case: `${shown}, processor time of ${part}`, value: us, unit: 'µs/record' })
      }
    }
    report({ case: 'memory of the API process', value: api.rssMb(), unit: 'MB' })
  } finally {
    await client.stop()
    await bare.stop()
    await api.stop()
    await second.stop()
    await database.stop()
  }
}

/** Each in turn, so that what else the machine does meets all of them. */
async function inTurn<Name extends string>(
  rounds: number,
  cases: Record<Name, () => Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(cases) as Name[]
  const runs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >
  for (let round = 0; round < rounds; round++) {
    for (const name of names) runs[name].push(await cases[name]())
  }
  return runs
}

async function throughDispatcher(
  database: Database,
  { records, workers, batch }: Shape,
): Promise<number> {
  const notifier = createNotifier(database.pools.listen)
  const dispatcher = createDispatcher({ sql: database.pools.deliver, notifier })
  const consumer = await consumerOf(database)
  await settle(database)
  const { signal } = new AbortController()
  let acked = 0
  const seconds = await timed(workers, async () => {
    for (;;) {
      const { items } = await dispatcher.next({ consumer, batchSize: batch, waitMs: 0, signal })
      if (items.length === 0) return
      const taken = await dispatcher.ack(
        consumer,
        items.map(({ ackToken }) => ackToken),
      )
      acked += taken.acked
    }
  })
  await dispatcher.close()
  await notifier.close()
  return rate(acked, records, seconds)
}

/** Every worker with claims of its own: what many processes do that share a consumer. */
async function throughSql(database: Database, { records, workers, batch }: Shape): Promise<number> {
  const consumer = await consumerOf(database)
  await settle(database)
  let acked = 0
  const seconds = await timed(workers, async () => {
    for (;;) {
      const items = await claim(database.pools.deliver, consumer, batch)
      if (items.length === 0) return
      const tokens = items.map(({ ackToken }) => decodeToken(ackToken)!)
      const stale = await answer(
        database.pools.deliver,
        consumer.consumerNo,
        { kind: 'ack' },
        tokens,
      )
      acked += items.length - stale.length
    }
  })
  return rate(acked, records, seconds)
}

/** Processor time in µs a record. */
type Spent = { api: number; postgres: number; client: number }

/** Workers are spread over `apis`. */
async function throughHttp(
  database: Database,
  apis: Api[],
  client: Workers,
  { records, workers, batch }: Shape,
  spent: Spent[],
  swaps = false,
): Promise<number> {
  const { id: consumerId } = await consumerOf(database)
  await settle(database)
  const before = await spentBy(apis, database)
  const done = await client.run({
    apis: apis.map(({ port, key }) => ({ port, key })),
    consumerId,
    workers,
    batch,
    swaps,
  })
  const after = await spentBy(apis, database)
  spent.push({
    api: (after.api - before.api) / records,
    postgres: (after.postgres - before.postgres) / records,
    client: done.cpuUs / records,
  })
  return rate(done.acked, records, done.seconds)
}

async function throughBare({ port }: Bare, client: Workers, shape: Shape): Promise<number> {
  const job = { apis: [{ port, key: 'none' }], consumerId: randomUUID(), swaps: false, ...shape }
  const { acked, seconds } = await client.run(job)
  return rate(acked, shape.records, seconds)
}

/** So far, in µs. */
async function spentBy(apis: Api[], database: Database): Promise<Omit<Spent, 'client'>> {
  const ofApis = await Promise.all(apis.map(({ pid }) => cpuMs(pid)))
  const api = ofApis.reduce((sum, ms) => sum + ms) * 1000
  return { api, postgres: (await cpuMs(database.pid)) * 1000 }
}

function rate(acked: number, records: number, seconds: number): number {
  if (acked !== records) throw new Error(`${acked} of ${records} records were acked`)
  return records / seconds
}

/** Seconds that each took for the same number of records of the same size. */
async function peers(
  database: Database,
  shape: Shape,
  rounds: number,
): Promise<[string, number][]> {
  const numbers = [shape.records, shape.workers, shape.batch, rounds].map(String)
  const run = async (script: string, url: string) => {
    const args = [`bench/peers/${script}.ts`, url, ...numbers]
    const out = await finished(spawnNode(args, { PATH: process.env['PATH'] ?? '' }))
    return (JSON.parse(out.trim().split('\n').at(-1)!) as { seconds: number }).seconds
  }
  const measured: [string, number][] = [
    ['pg-boss', await run('pgBoss', database.url)],
    ['graphile-worker', await run('graphileWorker', database.url)],
  ]
  const nats = await startNats()
  if (nats === null) return measured
  try {
    return [...measured, ['NATS JetStream', await run('jetStream', nats.url)]]
  } finally {
    await nats.stop()
  }
}
