/** Changes of a consumer that meet each other, claims, or the end of their connection. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { waitForLock } from '../../test/support/held.ts'
import { makeConsumer, makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import { answer } from './answers.ts'
import { getConsumer, patchConsumer, resetConsumer } from './consumers.ts'
import type { Consumer, ConsumerSettings } from './consumers.ts'
import { claim } from './next.ts'
import { decodeToken } from './token.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function setUp(ids: string[], settings: Partial<ConsumerSettings> = {}) {
  const { sql } = database
  const stream = await makeStream(sql)
  const source = await makeSource(sql, stream)
  const put = async (some: string[]) =>
    await writePage(
      sql,
      pageOf(
        stream,
        some.map((id) => observe(source, id)),
      ),
    )
  await put(ids)
  const consumer = await makeConsumer(sql, stream, settings)
  const { id } = consumer
  return {
    consumer,
    put,
    read: async () => await getConsumer(sql, stream.tenantId, id),
    patch: async (patch: Partial<ConsumerSettings>) =>
      await patchConsumer(sql, stream.tenantId, id, patch, null),
    reset: async (policy: string | null) => await resetConsumer(sql, stream.tenantId, id, policy),
  }
}

async function claimed(consumer: Consumer, count = 100): Promise<string[]> {
  const items = await claim(database.pools.deliver, consumer, count)
  await answer(
    database.pools.deliver,
    consumer.consumerNo,
    { kind: 'ack' },
    items.map(({ ackToken }) => decodeToken(ackToken)!),
  )
  return items.map(
    ({ recordJson }) => (JSON.parse(recordJson) as { upstream_id: string }).upstream_id,
  )
}

/** Ends the connection of `work` where it waits for what somebody else holds in `table`. */
async function brokenOff(
  table: 'consumer' | 'inflight',
  { consumerNo }: Consumer,
  work: () => Promise<unknown>,
): Promise<void> {
  let outcome!: Promise<unknown>
  await database.sql.begin(async (tx) => {
    await tx`select from ${tx(table)} where consumer_no = ${consumerNo} for update`
    outcome = work().catch((error: unknown) => error)
    await waitForLock(database.sql, '', 1)
    await tx`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`
  })
  expect(await outcome).toMatchObject({ kind: 'transient' })
}

test('two patches at once of different fields both count', async () => {
  const { consumer, patch, read } = await setUp([])
  let both!: Promise<unknown>
  await database.sql.begin(async (tx) => {
    await tx`select from consumer where consumer_no = ${consumer.consumerNo} for update`
    both = Promise.all([patch({ filters: { provider: 'acme' } }), patch({ ackWaitMs: 60_000 })])
    await waitForLock(database.sql, '', 2)
  })
  await both
  expect(await read()).toMatchObject({ filters: { provider: 'acme' }, ackWaitMs: 60_000 })
})

test('of two patches at once with the same If-Match one is a conflict', async () => {
  const { consumer } = await setUp([])
  const [tenant] = await database.sql<{ id: string }[]>`
    select tenant_id as id from consumer where consumer_no = ${consumer.consumerNo}`
  const patch = async (name: string) =>
    await patchConsumer(database.sql, tenant!.id, consumer.id, { name }, consumer.version)
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(patch))
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
  ])
})

test('a patch of deliver_policy that broke off has done nothing, and its repeat does it', async () => {
  const { consumer, patch, put, read } = await setUp(['a'], { deliverPolicy: 'new' })
  await put(['b'])
  await claim(database.pools.deliver, consumer, 1) // out, so that there is something to wait for
  await brokenOff('inflight', consumer, async () => await patch({ deliverPolicy: 'all' }))
  expect(await read()).toMatchObject({ deliverPolicy: 'new' })
  await patch({ deliverPolicy: 'all' })
  expect(await claimed(consumer)).toEqual(['a', 'b'])
})

test('a reset that broke off has done nothing', async () => {
  const { consumer, put, read, reset } = await setUp(['a'])
  expect(await claimed(consumer)).toEqual(['a'])
  await put(['b'])
  await brokenOff('consumer', consumer, async () => await reset('new'))
  expect(await read()).toMatchObject({ deliverPolicy: 'all' })
  expect(await claimed(consumer)).toEqual(['b'])
})

test('what is no policy changes nothing else of a patch', async () => {
  const { patch, read } = await setUp([])
  await expect(patch({ name: 'x', deliverPolicy: 'yesterday' })).rejects.toMatchObject({
    kind: 'invalid',
  })
  expect(await read()).toMatchObject({ name: null, deliverPolicy: 'all' })
})

test('patches and resets beside claims neither deadlock nor lose a record', async () => {
  const ids = Array.from({ length: 50 }, (_, i) => `r${i}`)
  const { consumer, patch, reset } = await setUp(ids, { filters: { provider: 'acme' } })
  const over = new AbortController()
  const worker = async () => {
    while (!over.signal.aborted) await claimed(consumer, 3)
  }
  const workers = Promise.all([worker(), worker(), worker()])
  const change = async (round: number) =>
    await Promise.all([
      patch({ deliverPolicy: round % 2 === 0 ? 'new' : 'all' }),
      patch({ filters: { provider: ['acme', String(round)] } }),
      reset(null),
    ])
  try {
    for (let round = 0; round < 30; round++) await change(round)
  } finally {
    over.abort()
    await workers
  }
  await reset('all')
  expect(await claimed(consumer)).toEqual(ids)
})
