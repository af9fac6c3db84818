import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import {
  makeConsumer,
  makeSource,
  makeStream,
  observe,
  pageOf,
  stateOf,
} from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { writePage } from '../stream/write.ts'
import { answer } from './answers.ts'
import {
  createConsumer,
  deleteConsumer,
  getConsumer,
  listConsumers,
  patchConsumer,
  resetConsumer,
} from './consumers.ts'
import type { Consumer } from './consumers.ts'
import { listDeadLetters, dropDeadLetters, redeliverDeadLetters } from './deadLetters.ts'
import type { Filters } from './filters.ts'
import { consumerInfo } from './info.ts'
import { claim } from './next.ts'
import type { DeliverPolicy } from './start.ts'
import { decodeToken } from './token.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function put(stream: TestStream, source: TestSource, ids: string[], at = 0) {
  await writePage(
    database.sql,
    pageOf(
      stream,
      ids.map((id) => observe(source, id, { at, value: at })),
    ),
  )
}

async function claimed(consumer: Consumer, count = 100): Promise<string[]> {
  const items = await claim(database.pools.deliver, consumer, count)
  return items.map(
    ({ recordJson }) => (JSON.parse(recordJson) as { upstream_id: string }).upstream_id,
  )
}

describe('filters', () => {
  async function setUp() {
    const stream = await makeStream(database.sql)
    const first = randomUUID()
    const second = randomUUID()
    const sources = {
      pro: await makeSource(database.sql, stream, {
        syncId: first,
        externalId: 'one',
        metadata: { plan: 'pro', n: 42 },
      }),
      other: await makeSource(database.sql, stream, {
        syncId: first,
        collectionId: 'acme:other',
        externalId: 'one',
        metadata: { plan: 'pro', n: 42 },
      }),
      free: await makeSource(database.sql, stream, {
        syncId: second,
        externalId: 'two',
        metadata: { plan: 'free' },
      }),
    }
    for (const [name, source] of Object.entries(sources)) await put(stream, source, [name])
    return { stream, first, second, sources }
  }

  test.for<[string, (scene: { first: string; second: string }) => Filters, string[]]>([
    ['no filter', () => ({}), ['pro', 'other', 'free']],
    ['an asterisk', () => ({ provider: '*', collection_id: ['*'] }), ['pro', 'other', 'free']],
    ['a provider', () => ({ provider: 'acme' }), ['pro', 'other', 'free']],
    ['a provider that nobody has', () => ({ provider: 'crm' }), []],
    ['one sync', ({ first }) => ({ sync_id: first.toUpperCase() }), ['pro', 'other']],
    ['two syncs', ({ first, second }) => ({ sync_id: [first, second] }), ['pro', 'other', 'free']],
    ['a collection', () => ({ collection_id: 'acme:thing' }), ['pro', 'free']],
    ['an external id', () => ({ external_id: ['two', 'three'] }), ['free']],
    ['metadata', () => ({ metadata: { plan: 'pro' } }), ['pro', 'other']],
    ['a number in metadata', () => ({ metadata: { n: 42 } }), ['pro', 'other']],
    [
      'all that are given',
      ({ first }) => ({ sync_id: first, collection_id: 'acme:thing', metadata: { n: 42 } }),
      ['pro'],
    ],
  ])('%s lets through what it says', async ([, filters, expected]) => {
    const scene = await setUp()
    const consumer = await makeConsumer(database.sql, scene.stream, { filters: filters(scene) })
    expect(await claimed(consumer)).toEqual(expected)
    expect(await consumerInfo(database.sql, consumer.consumerNo)).toMatchObject({ numPending: 0 })
  })

  test('G4: a sync that is made later and fits is included by itself', async () => {
    const { stream } = await setUp()
    const consumer = await makeConsumer(database.sql, stream, {
      filters: { metadata: { plan: 'pro' } },
    })
    await claimed(consumer)
    const late = await makeSource(database.sql, stream, { metadata: { plan: 'pro' } })
    await put(stream, late, ['late'])
    expect(await claimed(consumer)).toEqual(['late'])
  })

  test('a sync whose metadata changes joins or leaves from the cursor on', async () => {
    const { stream, first, sources } = await setUp()
    const consumer = await makeConsumer(database.sql, stream, {
      filters: { metadata: { plan: 'pro' } },
    })
    await claimed(consumer)
    await database.sql`update source set metadata = '{"plan":"free"}' where sync_id = ${first}`
    await database.sql`update source set metadata = '{"plan":"pro"}' where source_no = ${sources.free.sourceNo}`
    for (const source of Object.values(sources)) await put(stream, source, ['new'])
    expect(await claimed(consumer)).toEqual(['new'])
  })

  test('changed filters count from the cursor on', async () => {
    const { stream, sources } = await setUp()
    const consumer = await makeConsumer(database.sql, stream, {
      filters: { collection_id: 'acme:other' },
    })
    await claimed(consumer)
    await patchConsumer(
      database.sql,
      stream.tenantId,
      consumer.id,
      { filters: { external_id: 'two' } },
      null,
    )
    for (const [name, source] of Object.entries(sources))
      await put(stream, source, [`${name} again`])
    expect(await claimed(consumer)).toEqual(['free again'])
    await patchConsumer(database.sql, stream.tenantId, consumer.id, { filters: {} }, null)
    for (const source of Object.values(sources)) await put(stream, source, ['x'])
    expect(await claimed(consumer)).toEqual(['x', 'x', 'x'])
  })

  test('pending counts only what fits, up to 10,000', async () => {
    const { stream, sources } = await setUp()
    const ids = Array.from({ length: 12_000 }, (_, i) => `r${i}`)
    await put(stream, sources.free, ids)
    const fits = await makeConsumer(database.sql, stream, { filters: { external_id: 'two' } })
    const none = await makeConsumer(database.sql, stream, { filters: { external_id: 'one' } })
    expect(await consumerInfo(database.sql, fits.consumerNo)).toMatchObject({ numPending: 10_000 })
    expect(await consumerInfo(database.sql, none.consumerNo)).toMatchObject({ numPending: 2 })
  })
})

describe('deliver policies', () => {
  async function setUp() {
    const stream = await makeStream(database.sql)
    const source = await makeSource(database.sql, stream)
    await put(stream, source, ['a', 'b', 'c'])
    await database.sql`
      update record set changed_at = changed_at - interval '2 hours' where stream_no = ${stream.streamNo} and updated_idx <= 2`
    return { stream, source }
  }

  test.for<[string, DeliverPolicy, string[]]>([
    ['all', 'all', ['a', 'b', 'c', 'd']],
    ['new', 'new', ['d']],
    ['last', 'last', ['c', 'd']],
    ['a duration', '1h', ['c', 'd']],
    ['a long duration', '7d', ['a', 'b', 'c', 'd']],
    ['from_idx', { from_idx: 2 }, ['b', 'c', 'd']],
    ['from_idx 0', { from_idx: 0 }, ['a', 'b', 'c', 'd']],
    ['from_time', { from_time: '1999-01-01T00:00:00+02:00' }, ['a', 'b', 'c', 'd']],
    ['a from_time to come', { from_time: '2999-01-01T00:00:00Z' }, ['d']],
  ])('%s begins where it says, at creation and at reset', async ([, policy, expected]) => {
    const { stream, source } = await setUp()
    const consumer = await makeConsumer(database.sql, stream, { deliverPolicy: policy })
    const replay = await makeConsumer(database.sql, stream)
    await resetConsumer(database.sql, stream.tenantId, replay.id, policy)
    await put(stream, source, ['d'])
    expect(await claimed(consumer)).toEqual(expected)
    expect(await claimed(replay)).toEqual(expected)
    expect((await getConsumer(database.sql, stream.tenantId, replay.id)).deliverPolicy).toEqual(
      policy,
    )
  })

  test('last is the last record that fits', async () => {
    const { stream, source } = await setUp()
    const other = await makeSource(database.sql, stream, { collectionId: 'acme:other' })
    await put(stream, other, ['x'])
    const filters = { collection_id: source.collectionId }
    expect(
      await claimed(await makeConsumer(database.sql, stream, { filters, deliverPolicy: 'last' })),
    ).toEqual(['c'])
    const nobody = { collection_id: 'acme:none' }
    const none = await makeConsumer(database.sql, stream, {
      filters: nobody,
      deliverPolicy: 'last',
    })
    expect(await stateOf(database.sql, none.consumerNo)).toMatchObject({ cursorIdx: 4 })
  })

  test('what is no policy is invalid by field', async () => {
    const { stream } = await setUp()
    await expect(
      makeConsumer(database.sql, stream, { deliverPolicy: 'yesterday' }),
    ).rejects.toMatchObject({
      kind: 'invalid',
      fields: { deliver_policy: [expect.any(String)] },
    })
    const list = await listConsumers(
      database.sql,
      stream.tenantId,
      { streamId: null, name: null, metadata: null },
      { limit: 5, cursor: null },
    )
    expect(list.rows).toEqual([])
  })
})

describe('create, read, change, delete', () => {
  test('what is read is what was created, and the same id again is the same consumer', async () => {
    const stream = await makeStream(database.sql)
    const input = {
      id: randomUUID(),
      streamId: stream.streamId,
      name: 'warehouse',
      filters: { collection_id: ['acme:thing'], metadata: { a: { b: [1] } } },
      deliverPolicy: { from_idx: 7 },
      ackWaitMs: 500,
      maxDeliver: 3,
      maxAckPending: 5,
      maxWaiting: 6,
      fairness: 'none' as const,
      metadata: { team: 'x' },
    }
    const made = await createConsumer(database.sql, stream.tenantId, input)
    expect(made).toMatchObject(input)
    expect(
      await createConsumer(database.sql, stream.tenantId, { ...input, name: 'again' }),
    ).toEqual(made)
  })

  test('G13: a consumer of another tenant is not found, and no stream of another tenant can be read', async () => {
    const [ours, theirs] = [await makeStream(database.sql), await makeStream(database.sql)]
    const { id } = await makeConsumer(database.sql, theirs)
    const notFound = { kind: 'not_found' }
    await expect(getConsumer(database.sql, ours.tenantId, id)).rejects.toMatchObject(notFound)
    await expect(
      patchConsumer(database.sql, ours.tenantId, id, { name: 'x' }, null),
    ).rejects.toMatchObject(notFound)
    await expect(resetConsumer(database.sql, ours.tenantId, id, null)).rejects.toMatchObject(
      notFound,
    )
    await expect(deleteConsumer(database.sql, ours.tenantId, id)).rejects.toMatchObject(notFound)
    await expect(
      makeConsumer(database.sql, { ...theirs, tenantId: ours.tenantId }),
    ).rejects.toMatchObject(notFound)
  })

  test('a list pages newest first, by stream, name and metadata', async () => {
    const stream = await makeStream(database.sql)
    const made: Consumer[] = []
    for (let i = 0; i < 5; i++)
      made.unshift(await makeConsumer(database.sql, stream, { name: `c${i % 2}`, metadata: { i } }))
    const any: Parameters<typeof listConsumers>[2] = { streamId: null, name: null, metadata: null }
    const first = await listConsumers(database.sql, stream.tenantId, any, {
      limit: 3,
      cursor: null,
    })
    const rest = await listConsumers(database.sql, stream.tenantId, any, {
      limit: 3,
      cursor: first.nextCursor,
    })
    expect([...first.rows, ...rest.rows].map(({ id }) => id)).toEqual(made.map(({ id }) => id))
    expect(rest.nextCursor).toBeNull()
    const options = { limit: 10, cursor: null }
    const count = async (filter: Partial<typeof any>) =>
      (await listConsumers(database.sql, stream.tenantId, { ...any, ...filter }, options)).rows
        .length
    expect(await count({ name: 'c1' })).toBe(2)
    expect(await count({ metadata: { i: 3 } })).toBe(1)
    expect(await count({ streamId: randomUUID() })).toBe(0)
    await expect(
      listConsumers(database.sql, stream.tenantId, any, { limit: 3, cursor: 'nonsense' }),
    ).rejects.toMatchObject({ kind: 'invalid' })
  })

  test('a change under If-Match of another version is a conflict', async () => {
    const stream = await makeStream(database.sql)
    const { id, version } = await makeConsumer(database.sql, stream)
    const changed = await patchConsumer(
      database.sql,
      stream.tenantId,
      id,
      { ackWaitMs: 999, maxAckPending: 3 },
      version,
    )
    expect(changed).toMatchObject({ ackWaitMs: 999, maxAckPending: 3 })
    await expect(
      patchConsumer(database.sql, stream.tenantId, id, { ackWaitMs: 1 }, version),
    ).rejects.toMatchObject({
      kind: 'conflict',
    })
  })

  test('a deleted consumer leaves nothing behind', async () => {
    const stream = await makeStream(database.sql)
    await put(stream, await makeSource(database.sql, stream), ['a'])
    const consumer = await makeConsumer(database.sql, stream)
    await claimed(consumer)
    await deleteConsumer(database.sql, stream.tenantId, consumer.id)
    const { consumerNo } = consumer
    const left = await database.sql`
      select 1 from consumer_state where consumer_no = ${consumerNo}
      union all select 1 from inflight where consumer_no = ${consumerNo}`
    expect([...left]).toEqual([])
    await expect(claim(database.pools.deliver, consumer, 1)).rejects.toMatchObject({
      kind: 'not_found',
    })
  })
})

describe('dead letters', () => {
  /** Two records, both dead at the first nack. */
  async function setUp() {
    const stream = await makeStream(database.sql)
    const source = await makeSource(database.sql, stream)
    await put(stream, source, ['a', 'b'])
    const consumer = await makeConsumer(database.sql, stream, { maxDeliver: 1 })
    const items = await claim(database.pools.deliver, consumer, 2)
    const tokens = items.map(({ ackToken }) => decodeToken(ackToken)!)
    await answer(
      database.pools.deliver,
      consumer.consumerNo,
      { kind: 'nack', delayMs: null },
      tokens,
    )
    return { stream, source, consumer }
  }

  async function list(consumer: Consumer) {
    const { rows } = await listDeadLetters(database.sql, consumer, { limit: 10, cursor: null })
    return rows.map((row) => ({
      ...row,
      record: JSON.parse(row.recordJson) as { id: string; upstream_id: string },
    }))
  }

  test('G7: they are listed with their record and count, by page', async () => {
    const { consumer } = await setUp()
    expect(await list(consumer)).toMatchObject([
      { deliverCount: 1, record: { upstream_id: 'a' } },
      { deliverCount: 1, record: { upstream_id: 'b' } },
    ])
    const first = await listDeadLetters(database.sql, consumer, { limit: 1, cursor: null })
    const second = await listDeadLetters(database.sql, consumer, {
      limit: 1,
      cursor: first.nextCursor,
    })
    expect(
      second.rows.map(({ recordJson }) => JSON.parse(recordJson).upstream_id as string),
    ).toEqual(['b'])
    expect(second.nextCursor).toBeNull()
  })

  test('redelivered ones come again, one or all', async () => {
    const { consumer } = await setUp()
    const [a] = await list(consumer)
    expect(
      await redeliverDeadLetters(database.sql, consumer, [a!.record.id, 'nonsense', randomUUID()]),
    ).toBe(1)
    expect(await claimed(consumer)).toEqual(['a'])
    expect(await redeliverDeadLetters(database.sql, consumer, null)).toBe(1)
    expect(await claimed(consumer)).toContain('b')
  })

  test('one that a newer version has superseded is shown no more', async () => {
    const { stream, source, consumer } = await setUp()
    await put(stream, source, ['a'], 1)
    expect((await list(consumer)).map(({ record }) => record.upstream_id)).toEqual(['b'])
  })

  test('dropped ones are forgotten', async () => {
    const { consumer } = await setUp()
    expect(await dropDeadLetters(database.sql, consumer, null)).toBe(2)
    expect(await list(consumer)).toEqual([])
  })
})
