// Deliberate defects that these tests were seen to catch: test/mutations/list.ts
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import {
  makeConsumer,
  makeSource,
  makeStream,
  observe,
  pageOf,
  recordsOf,
} from '../../test/support/stream.ts'
import type { TestStream } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import type { Consumer } from './consumers.ts'
import { createDispatcher } from './dispatcher.ts'
import { claim } from './next.ts'
import { createNotifier } from './notifier.ts'
import { listRecords } from './records.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

const writers = 8
const pagesEach = 40

/** Runs the writers, each page with some records that all of them change, and tells when they are through. */
function writeAll(page: (writer: number, round: number) => Promise<unknown>): {
  over(): boolean
  done: Promise<void>
} {
  let running = writers
  const done = Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let round = 1; round <= pagesEach; round++) await page(writer, round)
      running--
    }),
  ).then(() => undefined)
  return { over: () => running === 0, done }
}

test('G4: with 8 writers a reader that follows the cursor passes no record', async () => {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  const writing = writeAll(async (writer, round) => {
    const ids = [
      `own${writer}-${round}`,
      ...Array.from({ length: 5 }, (_, i) => `shared${(round * 7 + i * writer) % 40}`),
    ]
    const at = round * writers + writer
    const observations = [...new Set(ids)].map((id) => observe(source, id, { at, value: at }))
    await writePage(database.sql, pageOf(stream, observations))
  })
  const seen = new Set<number>()
  const inOrder: number[] = []
  let after: string | null = null
  for (;;) {
    const last = writing.over()
    const page: Awaited<ReturnType<typeof listRecords>> = await listRecords(
      database.pools.deliver,
      stream.tenantId,
      {
        streamId: stream.streamId,
        filters: {},
        upstreamId: null,
        after,
        limit: 100,
      },
    )
    for (const text of page.records) {
      const { updated_idx } = JSON.parse(text) as { updated_idx: number }
      seen.add(updated_idx)
      inOrder.push(updated_idx)
    }
    after = page.nextCursor ?? after
    if (last && page.nextCursor === null) break
  }
  await writing.done
  const current = (await recordsOf(database.sql, stream)).map(({ idx }) => idx)
  expect(current.filter((idx) => !seen.has(idx))).toEqual([])
  expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b))
  expect(current.length).toBeGreaterThan(writers * pagesEach)
})

test('G4: changed_at never goes back along updated_idx, and both are unique', async () => {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  const { done } = writeAll(async (writer, round) => {
    await writePage(database.sql, pageOf(stream, [observe(source, `${writer}-${round}`)]))
  })
  await done
  const records = await recordsOf(database.sql, stream)
  const times = records.map(({ changedAt }) => changedAt)
  expect(times).toEqual(times.toSorted())
  expect(new Set(records.map(({ no }) => no)).size).toBe(records.length)
  const [head] = await database.sql<{ last: number }[]>`
    select last_idx::float8 as last from stream_head where stream_no = ${stream.streamNo}`
  expect(head!.last).toBe(records.at(-1)!.idx)
})

test('G4: a filtered consumer skips no source that is made while it scans', async () => {
  const stream = await makeStream(database.sql)
  const consumer = await makeConsumer(database.sql, stream, {
    filters: { metadata: { wanted: true } },
    maxAckPending: 100_000,
  })
  const writing = writeAll(async (writer, round) => {
    const wanted = (writer + round) % 2 === 0
    const source = await makeSource(database.sql, stream, { metadata: { wanted } })
    const ids = Array.from(
      { length: 3 },
      (_, i) => `${wanted ? 'in' : 'out'}-${writer}-${round}-${i}`,
    )
    await writePage(
      database.sql,
      pageOf(
        stream,
        ids.map((id) => observe(source, id)),
      ),
    )
  })
  const got = await drain(stream, consumer, writing.over)
  await writing.done
  const wanted = (await recordsOf(database.sql, stream))
    .map(({ id }) => id)
    .filter((id) => id.startsWith('in'))
  expect(got.toSorted()).toEqual(wanted.toSorted())
  expect(wanted).toHaveLength((writers * pagesEach * 3) / 2)
})

test('G4: three dispatchers share a consumer: every record once, and none is lost', async () => {
  const stream = await makeStream(database.sql)
  const source = await makeSource(database.sql, stream)
  const consumer = await makeConsumer(database.sql, stream)
  const writing = writeAll(async (writer, round) => {
    const ids = Array.from({ length: 10 }, (_, i) => `${writer}-${round}-${i}`)
    await writePage(
      database.sql,
      pageOf(
        stream,
        ids.map((id) => observe(source, id)),
      ),
    )
  })
  const got = await Promise.all([1, 2, 3].map(() => drain(stream, consumer, writing.over)))
  await writing.done
  const all = got.flat()
  expect(all).toHaveLength(writers * pagesEach * 10)
  expect(new Set(all).size).toBe(all.length)
})

test.each([{}, { filters: { provider: 'acme' } }])(
  'versions whose older ones are out are passed over at once, however few a call asks for (%o)',
  async (settings) => {
    const stream = await makeStream(database.sql)
    const source = await makeSource(database.sql, stream)
    const consumer = await makeConsumer(database.sql, stream, settings)
    const put = async (ids: string[], at: number) =>
      await writePage(
        database.sql,
        pageOf(
          stream,
          ids.map((id) => observe(source, id, { at, value: at })),
        ),
      )
    const out = Array.from({ length: 200 }, (_, i) => `out${i}`)
    await put(out, 0)
    expect(await claim(database.pools.deliver, consumer, 200)).toHaveLength(200)
    await put([...out, 'fresh'], 1)
    const [item] = await claim(database.pools.deliver, consumer, 1)
    expect(JSON.parse(item!.recordJson)).toMatchObject({ upstream_id: 'fresh' })
    const [counts] = await database.sql`
      select pending, waiting from consumer_state where consumer_no = ${consumer.consumerNo}`
    expect(counts).toEqual({ pending: 201, waiting: 0 })
  },
)

/** Takes and acks until `over` and nothing is left. Returns the upstream ids in the order they came. */
async function drain(
  stream: TestStream,
  consumer: Consumer,
  over: () => boolean,
): Promise<string[]> {
  const notifier = createNotifier(database.pools.listen)
  const dispatcher = createDispatcher({ sql: database.pools.deliver, notifier })
  const ref = { ...consumer, streamId: stream.streamId }
  const got: string[] = []
  for (;;) {
    const last = over()
    const signal = new AbortController().signal
    const { items } = await dispatcher.next({ consumer: ref, batchSize: 50, waitMs: 20, signal })
    for (const { recordJson } of items)
      got.push((JSON.parse(recordJson) as { upstream_id: string }).upstream_id)
    if (items.length > 0)
      await dispatcher.ack(
        ref,
        items.map(({ ackToken }) => ackToken),
      )
    if (last && items.length === 0) break
  }
  await dispatcher.close()
  await notifier.close()
  return got
}
