import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { makeConsumer, makeSource, makeStream, observe, pageOf } from '../../test/support/stream.ts'
import type { TestSource, TestStream } from '../../test/support/stream.ts'
import { trimStream } from '../stream/trim.ts'
import { writePage } from '../stream/write.ts'
import { answer } from './answers.ts'
import type { Consumer, ConsumerSettings } from './consumers.ts'
import { patchConsumer, resetConsumer } from './consumers.ts'
import { consumerInfo } from './info.ts'
import { claim } from './next.ts'
import { decodeToken } from './token.ts'

/** One sync with a backlog of so many records, and behind it one change of another sync. */
const backlog = 2500

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

type Setup = { stream: TestStream; big: TestSource; small: TestSource; consumer: Consumer }

async function behindABackfill(settings: Partial<ConsumerSettings> = {}): Promise<Setup> {
  const stream = await makeStream(database.sql)
  const big = await makeSource(database.sql, stream)
  const small = await makeSource(database.sql, stream)
  const ids = Array.from({ length: backlog }, (_, i) => `big${i}`)
  await write(stream, big, ids)
  await write(stream, small, ['small'])
  const consumer = await makeConsumer(database.sql, stream, { maxAckPending: 10_000, ...settings })
  return { stream, big, small, consumer }
}

async function write(
  stream: TestStream,
  source: TestSource,
  ids: string[],
  at = 1,
  deleted = false,
) {
  const observations = ids.map((id) => observe(source, id, { at, value: at, deleted }))
  await writePage(database.sql, pageOf(stream, observations))
}

type Got = { id: string; idx: number }

/** Takes and acks, until `enough` or nothing comes. */
async function take(
  consumer: Consumer,
  count: number,
  enough: (got: Got[]) => boolean = () => false,
): Promise<Got[]> {
  const got: Got[] = []
  while (!enough(got)) {
    const items = await claim(database.pools.deliver, consumer, count)
    if (items.length === 0) return got
    for (const { recordJson } of items) {
      const { upstream_id: id, updated_idx: idx } = JSON.parse(recordJson) as {
        upstream_id: string
        updated_idx: number
      }
      got.push({ id, idx })
    }
    const tokens = items.map(({ ackToken }) => decodeToken(ackToken)!)
    await answer(database.pools.deliver, consumer.consumerNo, { kind: 'ack' }, tokens)
  }
  return got
}

const hasSmall = (got: Got[]) => got.some(({ id }) => id === 'small')

async function stateOf({ consumerNo }: Consumer) {
  const [state] = await database.sql<{ held: number[] | null; ahead: string | null }[]>`
    select held, ahead_idx as ahead from consumer_state where consumer_no = ${consumerNo}`
  return state!
}

test('a change of one sync passes the backlog of another', async () => {
  const { consumer } = await behindABackfill()
  const got = await take(consumer, 500, hasSmall)
  expect(hasSmall(got)).toBe(true)
  expect(got.length).toBeLessThan(backlog)
})

test('without fairness everything comes in the order of the stream', async () => {
  const { consumer } = await behindABackfill({ fairness: 'none' })
  const positions = (await take(consumer, 500)).map(({ idx }) => idx)
  expect(positions).toEqual(Array.from({ length: backlog + 1 }, (_, i) => i + 1))
})

test.for([{}, { provider: 'acme' }])(
  'G4: with filters %o every record comes once, each sync in its order, and then nothing is held any more',
  async (filters) => {
    const { stream, big, small, consumer } = await behindABackfill({ filters })
    const got = await take(consumer, 500, hasSmall)
    expect((await stateOf(consumer)).held).toEqual([big.sourceNo])
    await write(stream, big, ['big0', 'late'], 2)
    await write(stream, small, ['small'], 2)
    got.push(...(await take(consumer, 500)))
    const ofBig = got.filter(({ id }) => id !== 'small')
    expect(ofBig.map(({ idx }) => idx)).toEqual(
      ofBig.map(({ idx }) => idx).toSorted((a, b) => a - b),
    )
    expect(new Set(got.map(({ idx }) => idx)).size).toBe(got.length)
    expect(new Set(ofBig.map(({ id }) => id)).size).toBe(backlog + 1)
    expect(got.filter(({ id }) => id === 'small')).toHaveLength(2)
    expect(await take(consumer, 500)).toEqual([])
    expect(await stateOf(consumer)).toEqual({ held: null, ahead: null })
  },
)

test('num_pending counts what is held and what is ahead', async () => {
  const { stream, small, consumer } = await behindABackfill()
  const got = await take(consumer, 500, hasSmall)
  await write(stream, small, ['another'])
  const { numPending } = await consumerInfo(database.sql, consumer.consumerNo)
  expect(numPending).toBe(backlog + 2 - got.length)
})

test('G4: trim keeps a tombstone that is held for a consumer', async () => {
  const { stream, big, consumer } = await behindABackfill()
  await write(stream, big, ['big2000'], 2, true)
  await take(consumer, 500, hasSmall)
  const trim = async () =>
    (await trimStream(database.sql, { streamNo: stream.streamNo, keepMs: 0 })).count
  expect(await trim()).toBe(0)
  expect((await take(consumer, 500)).some(({ id }) => id === 'big2000')).toBe(true)
  expect(await trim()).toBe(1)
})

test('a reset begins with nothing held', async () => {
  const { stream, consumer } = await behindABackfill()
  await take(consumer, 500, hasSmall)
  await resetConsumer(database.sql, stream.tenantId, consumer.id, 'all')
  expect(await stateOf(consumer)).toEqual({ held: null, ahead: null })
  expect(await take(consumer, 500)).toHaveLength(backlog + 1)
})

test('fairness that is switched off in flight still delivers what is held', async () => {
  const { stream, consumer } = await behindABackfill()
  const got = await take(consumer, 500, hasSmall)
  await patchConsumer(database.sql, stream.tenantId, consumer.id, { fairness: 'none' }, null)
  got.push(...(await take(consumer, 500)))
  expect(new Set(got.map(({ id }) => id)).size).toBe(backlog + 1)
  expect(got).toHaveLength(backlog + 1)
})
