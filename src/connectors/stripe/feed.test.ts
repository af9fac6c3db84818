import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isAppError } from '../../domain/error.ts'
import type { Change, Context, Json, Page } from '../connector.ts'
import { API_VERSION } from './events.ts'
import { events } from './feed.ts'

const START_MS = Date.parse('2026-11-24T06:00:00Z')
const HOUR_MS = 3_600_000

test('the feed begins ten minutes back, and a first poll tells what lies between', async () => {
  const stripe = fakeStripe()
  stripe.emit({ id: 'old', secondsAgo: 601 })
  stripe.emit({ id: 'young', secondsAgo: 599 })
  const page = await events.read(stripe.ctx, await events.start(stripe.ctx))
  expect(idsOf(page)).toEqual(['young'])
  expect(page.done).toBe(true)
})

test('a body is surely true from one second after the end of its own, on our clock', async () => {
  const stripe = fakeStripe({ aheadMs: 90_000 })
  const cursor = await events.start(stripe.ctx)
  stripe.emit({ id: 'cus_1' })
  const { changes } = await events.read(stripe.ctx, cursor)
  expect(changes[0]?.observedAt).toBe('2026-11-24T06:00:02.000000Z')
  expect(JSON.parse(changes[0]!.raw!)).toEqual({ id: 'cus_1', object: 'customer' })
})

test('without a Date header or with one an hour off, of another version, or beside another event of its second a body is only a hint', async () => {
  const undated = fakeStripe({ dated: false })
  undated.emit({ id: 'cus_1' })
  const [fast, slow] = [fakeStripe(), fakeStripe()]
  for (const off of [fast, slow]) off.emit({ id: 'cus_1' })
  fast.misdate(HOUR_MS)
  slow.misdate(-HOUR_MS)
  const other = fakeStripe()
  other.emit({ id: 'cus_1', version: '2022-11-15' })
  const tied = fakeStripe()
  tied.emit({ id: 'cus_1' })
  tied.emit({ id: 'cus_1' })
  for (const { ctx } of [undated, fast, slow, other, tied]) {
    const { changes } = await events.read(ctx, await events.start(ctx))
    expect(changes).toEqual([{ collection: 'customer', id: 'cus_1', raw: null }])
  }
})

test('where the feed begins, neither a wrong Date nor a wrong clock of ours hides what comes after', async () => {
  const wrong: [ours: number, date: number][] = [
    [0, HOUR_MS],
    [0, -HOUR_MS],
    [3 * HOUR_MS, 0],
    [-3 * HOUR_MS, 0],
  ]
  for (const [ours, date] of wrong) {
    const stripe = fakeStripe({ aheadMs: -ours })
    stripe.misdate(date)
    const cursor = await events.start(stripe.ctx)
    stripe.misdate(0)
    stripe.emit({ id: 'cus_1' })
    stripe.advance(20_000)
    const { told } = await drain(stripe.ctx, cursor)
    expect(told.map(({ id }) => id)).toEqual(['cus_1'])
  }
})

test('a position ahead of both clocks goes back to where it was sure, or has lost its place', async () => {
  const stripe = fakeStripe()
  const start = (await events.start(stripe.ctx)) as { from: number; looked: number }
  const ahead = { ...start, from: start.from + 3_600, base: start.from + 3_600 }
  for (const id of ['cus_1', 'cus_2']) {
    stripe.advance(600_000)
    stripe.emit({ id })
  }
  const { told } = await drain(stripe.ctx, ahead)
  expect(told.map(({ id }) => id)).toEqual(['cus_1', 'cus_2'])
  const unsure = { ...ahead, looked: start.looked + 2 * HOUR_MS }
  await expect(events.read(stripe.ctx, unsure)).rejects.toMatchObject({ code: 'feed-expired' })
})

test('an event dated in the future is told once, and hides none before it', async () => {
  const stripe = fakeStripe()
  stripe.emit({ id: 'cus_future', secondsAgo: -3_600 })
  const first = await drain(stripe.ctx, await events.start(stripe.ctx))
  stripe.advance(700_000)
  stripe.emit({ id: 'cus_1' })
  const second = await drain(stripe.ctx, first.cursor)
  const told = [...first.told, ...second.told]
  expect(told.map(({ id }) => id)).toEqual(['cus_future', 'cus_1'])
})

test('an empty page of events that says there are more is an error, never the end', async () => {
  const { ctx } = fakeStripe()
  const cursor = await events.start(ctx)
  const answered = await ctx.request({ path: '/v1/events' })
  const body = '{"object":"list","data":[],"has_more":true}'
  const empty: Context = { ...ctx, request: async () => ({ ...answered, body }) }
  await expect(events.read(empty, cursor)).rejects.toMatchObject({ code: 'endless-list' })
})

test('a tie is known over two reads', async () => {
  const stripe = fakeStripe()
  stripe.emit({ id: 'cus_1' })
  const first = await events.read(stripe.ctx, await events.start(stripe.ctx))
  stripe.emit({ id: 'cus_1' })
  stripe.emit({ id: 'cus_2' })
  const second = await events.read(stripe.ctx, first.cursor)
  expect(second.changes.map(({ id, raw }) => [id, raw !== null])).toEqual([
    ['cus_1', false],
    ['cus_2', true],
  ])
})

test('a late event is only a hint, for others of its time are unknown', async () => {
  const stripe = fakeStripe()
  stripe.emit({ id: 'cus_1' })
  const first = await events.read(stripe.ctx, await events.start(stripe.ctx))
  stripe.emit({ id: 'cus_2', secondsAgo: 3 })
  const second = await events.read(stripe.ctx, first.cursor)
  expect(second.changes).toEqual([{ collection: 'customer', id: 'cus_2', raw: null }])
})

test('deletes go by the type: a stub keeps the last state, a canceled subscription stays', async () => {
  const stripe = fakeStripe()
  const cursor = await events.start(stripe.ctx)
  stripe.emit({ id: 'cus_1', type: 'customer.deleted', fields: { email: 'a' } })
  stripe.emit({ id: 'cus_2', type: 'customer.deleted', fields: { deleted: true } })
  const type = 'customer.subscription.deleted'
  const items = { object: 'list', data: [], has_more: false }
  stripe.emit({ id: 'sub_1', object: 'subscription', type, fields: { items } })
  stripe.emit({ id: 'sub_2', object: 'subscription', type })
  const { changes } = await events.read(stripe.ctx, cursor)
  const deleted = changes.map(({ id, deleted, raw }) => [id, deleted ?? false, raw !== null])
  expect(deleted).toEqual([
    ['cus_1', true, true],
    ['cus_2', true, false],
    ['sub_1', false, true],
    // without its list it is not whole
    ['sub_2', false, false],
  ])
})

test('a subscription tells of its items: those it has as records, those it lost as hints', async () => {
  const stripe = fakeStripe()
  const cursor = await events.start(stripe.ctx)
  const items = {
    object: 'list',
    data: [{ id: 'si_1', object: 'subscription_item' }],
    has_more: false,
  }
  const previous = { items: { object: 'list', data: [{ id: 'si_0' }, { id: 'si_1' }] } }
  const type = 'customer.subscription.updated'
  stripe.emit({ id: 'sub_1', object: 'subscription', type, fields: { items }, previous })
  const cut = { ...items, has_more: true }
  stripe.emit({ id: 'sub_2', object: 'subscription', type, fields: { items: cut } })
  const { changes } = await events.read(stripe.ctx, cursor)
  expect(changes.map(({ collection, id, raw }) => [collection, id, raw !== null])).toEqual([
    ['subscription', 'sub_1', true],
    ['subscription_item', 'si_1', true],
    ['subscription_item', 'si_0', false],
    ['subscription', 'sub_2', false],
  ])
})

test('an object without an id and one of no collection tell nothing, refunds in a charge are hinted at', async () => {
  const stripe = fakeStripe()
  const cursor = await events.start(stripe.ctx)
  stripe.emit({ id: '', object: 'invoice', type: 'invoice.upcoming' })
  stripe.emit({ id: 'card_1', object: 'card', type: 'customer.source.deleted' })
  const refunds = { object: 'list', data: [{ id: 're_1' }] }
  stripe.emit({ id: 'ch_1', object: 'charge', type: 'charge.refunded', fields: { refunds } })
  const { changes } = await events.read(stripe.ctx, cursor)
  expect(changes.map(({ id, raw }) => [id, raw !== null])).toEqual([
    ['ch_1', true],
    ['re_1', false],
  ])
})

test('after 29 days without a look the feed has lost its place, on a quiet account never', async () => {
  const stripe = fakeStripe()
  stripe.emit({ id: 'cus_1' })
  let { cursor } = await events.read(stripe.ctx, await events.start(stripe.ctx))
  for (let day = 0; day < 90; day++) {
    stripe.advance(86_400_000)
    cursor = (await events.read(stripe.ctx, cursor)).cursor
  }
  stripe.advance(30 * 86_400_000)
  const error = await events.read(stripe.ctx, cursor).catch((caught: unknown) => caught)
  expect(isAppError(error, 'permanent') && error.code).toBe('feed-expired')
})

test('more events in one second than a read takes are walked through, all as hints', async () => {
  const stripe = fakeStripe()
  const cursor = await events.start(stripe.ctx)
  for (let made = 0; made < 1_300; made++) stripe.emit({ id: `cus_${made}` })
  stripe.advance(5_000)
  const { told, sizes } = await drain(stripe.ctx, cursor)
  expect(new Set(told.map(({ id }) => id)).size).toBe(1_300)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(500)
})

test('what the cursor remembers is bounded, and then little is told twice', async () => {
  const stripe = fakeStripe()
  let cursor = await events.start(stripe.ctx)
  let told = 0
  for (let minute = 0; minute < 8; minute++) {
    for (let made = 0; made < 900; made++) {
      stripe.emit({ id: `cus_${minute}_${made}` })
      stripe.advance(66)
    }
    const drained = await drain(stripe.ctx, cursor)
    cursor = drained.cursor
    told += drained.told.length
  }
  expect(JSON.stringify(cursor).length).toBeLessThan(60_000)
  expect(told).toBeGreaterThanOrEqual(7_200)
  expect(told).toBeLessThan(7_500)
})

test('on an account with more events than the cursor remembers one by one a late event is seen too', async () => {
  const stripe = fakeStripe()
  let cursor = await events.start(stripe.ctx)
  const told = new Set<string>()
  for (let second = 0; second < 500; second++) {
    for (let made = 0; made < 12; made++) stripe.emit({})
    if (second % 50 === 0) stripe.emit({ id: `late_${second}`, lateMs: 400_000 })
    stripe.advance(1_000)
    if (second % 20 > 0 && second < 499) continue
    const drained = await drain(stripe.ctx, cursor)
    for (const { id } of drained.told) told.add(id)
    cursor = drained.cursor
  }
  expect(JSON.stringify(cursor).length).toBeLessThan(60_000)
  for (let minute = 0; minute < 10; minute++) {
    stripe.advance(61_000)
    const drained = await drain(stripe.ctx, cursor)
    for (const { id } of drained.told) told.add(id)
    cursor = drained.cursor
  }
  expect(stripe.ids().filter((id) => !told.has(id))).toEqual([])
})

test('after an hour without a look, what came late behind the position is seen too, and then nothing is looked for', async () => {
  const stripe = fakeStripe()
  const start = await events.start(stripe.ctx)
  stripe.emit({ id: 'cus_late', lateMs: 300_000 })
  stripe.advance(60_000)
  stripe.emit({ id: 'cus_1' })
  const first = await drain(stripe.ctx, start)
  stripe.advance(3_600_000)
  const second = await drain(stripe.ctx, first.cursor)
  expect(second.told.map(({ id }) => id)).toEqual(['cus_late'])
  stripe.advance(3_600_000)
  expect((await drain(stripe.ctx, second.cursor)).cursor).toEqual(second.cursor)
})

test(
  'nothing is lost: any timeline, events up to nine minutes late, any Date, any polls, dying and going back at any of them',
  { timeout: 30_000 },
  async () => {
    const step = fc.record({
      emits: fc.array(
        fc.record({ secondsAgo: fc.nat(30), lateMs: fc.oneof(fc.constant(0), fc.nat(540_000)) }),
        {
          maxLength: 40,
        },
      ),
      burst: fc.oneof(
        { weight: 5, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.nat(900) },
      ),
      advanceMs: fc.oneof(fc.nat(2_000), fc.nat(200_000)),
      dateOffMs: fc.constantFrom(0, 0, 0, HOUR_MS, -HOUR_MS),
      back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
    })
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const stripe = fakeStripe()
      const cursors: Json[] = [await events.start(stripe.ctx)]
      const told = new Set<string>()
      const look = async (cursor: Json) => {
        const drained = await drain(stripe.ctx, cursor)
        for (const { id } of drained.told) told.add(id)
        cursors.push(drained.cursor)
      }
      for (const { emits, burst, advanceMs, dateOffMs, back } of steps) {
        stripe.misdate(dateOffMs)
        for (const emit of emits) stripe.emit(emit)
        for (let made = 0; made < burst; made++) stripe.emit({})
        stripe.advance(advanceMs)
        await look(cursors.at(-1 - Math.min(back, cursors.length - 1))!)
      }
      stripe.misdate(0)
      for (let minute = 0; minute < 11; minute++) {
        stripe.advance(61_000)
        await look(cursors.at(-1)!)
      }
      expect(stripe.ids().filter((id) => !told.has(id))).toEqual([])
    })
    // shrinking a run of thousands of events takes minutes
    await fc.assert(property, { numRuns: 25, endOnFailure: true })
  },
)

type Emit = {
  id?: string
  object?: string
  type?: string
  version?: string
  fields?: object
  previous?: object
  secondsAgo?: number
  /** Visible so much later. */
  lateMs?: number
}

/** `/v1/events` of an account, in memory, newest first. Time stands still but for `advance`. */
function fakeStripe(options: { aheadMs?: number; dated?: boolean } = {}) {
  const { aheadMs = 0, dated = true } = options
  let [nowMs, dateOffMs] = [START_MS, 0]
  const all: {
    created: number
    visibleMs: number
    at: number
    id: string
    text: string
    about: string
  }[] = []
  const theirs = () => nowMs + aheadMs
  const ctx: Context = {
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: () => nowMs,
    signal: new AbortController().signal,
    request: async ({ query = [] }) => {
      const asked = new Map(query)
      const [gte, lt, lte] = ['gte', 'lt', 'lte'].map((op) => asked.get(`created[${op}]`))
      const seen = all
        .filter(({ created, visibleMs }) => visibleMs <= nowMs && created >= Number(gte ?? 0))
        .filter(
          ({ created }) => created < Number(lt ?? Infinity) && created <= Number(lte ?? Infinity),
        )
        .sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1))
      const after = asked.get('starting_after')
      const first = after === undefined ? 0 : seen.findIndex(({ id }) => id === after) + 1
      const data = seen.slice(first, first + Number(asked.get('limit')))
      const more = seen.length > first + data.length
      return {
        status: 200,
        headers: dated ? { date: new Date(theirs() + dateOffMs).toUTCString() } : {},
        body: `{"object":"list","data":[${data.map(({ text }) => text).join()}],"has_more":${more}}`,
        observedAt: new Date(nowMs).toISOString().replace('Z', '000Z'),
      }
    },
  }
  return {
    ctx,
    advance: (ms: number) => {
      nowMs += ms
    },
    /** The `Date` of its answers is wrong by so much. */
    misdate: (ms: number) => {
      dateOffMs = ms
    },
    ids: () => all.map(({ about }) => about),
    emit: (emit: Emit) => {
      const created = Math.floor(theirs() / 1000) - (emit.secondsAgo ?? 0)
      const id = `evt_${String(all.length).padStart(6, '0')}`
      const about = emit.id ?? `cus_${all.length}`
      const { object = 'customer', type = `${object}.updated`, version = API_VERSION } = emit
      const body = { ...(about === '' ? {} : { id: about }), object, ...emit.fields }
      const data = { object: body, previous_attributes: emit.previous }
      const text = JSON.stringify({
        id,
        object: 'event',
        api_version: version,
        created,
        type,
        data,
      })
      all.push({ created, visibleMs: nowMs + (emit.lateMs ?? 0), at: all.length, id, text, about })
    },
  }
}

async function drain(ctx: Context, from: Json) {
  const told: Change[] = []
  const sizes: number[] = []
  let cursor = from
  for (;;) {
    const page = await events.read(ctx, cursor)
    told.push(...page.changes)
    sizes.push(page.changes.length)
    cursor = JSON.parse(JSON.stringify(page.cursor)) as Json
    if (page.done) return { told, sizes, cursor }
  }
}

function idsOf(page: Page): string[] {
  return page.changes.map(({ id }) => id)
}
