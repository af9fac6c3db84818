import { expect, test } from 'vitest'
import { AppError } from '../../domain/error.ts'
import type { Bounds, Context } from '../connector.ts'
import { collections } from './collections.ts'

const NONE: Bounds = { fromMs: null, toMs: null }
const invoices = collections['invoice']!
const items = collections['subscription_item']!
const sources = collections['customer_source']!

const limited = () => new AppError('rate_limited', 'Stripe asks to slow down.')

test('an object whose list could not be read is a hint, and the others of its page are whole', async () => {
  const { ctx } = fakeStripe(10, ['in_3', 'in_7'])
  const page = await invoices.list(ctx, null, NONE)
  expect(page.done).toBe(true)
  const hints = page.changes.filter(({ raw }) => raw === null)
  expect(hints).toEqual([
    { collection: 'invoice', id: 'in_3', raw: null },
    { collection: 'invoice', id: 'in_7', raw: null },
  ])
  const whole = page.changes.filter(({ raw }) => raw !== null)
  expect(whole).toHaveLength(8)
  for (const { value } of whole) expect(value).toMatchObject({ lines: { has_more: false } })
  expect(whole[0]!.raw).toContain('"id":"in_0_15"')
})

test('a page of objects that are whole by themselves is written though lists of others fail', async () => {
  const { ctx } = fakeStripe(3, ['in_0', 'in_1'], { whole: ['in_2'] })
  const { changes } = await invoices.list(ctx, null, NONE)
  expect(changes.map(({ id, raw }) => [id, raw === null])).toEqual([
    ['in_0', true],
    ['in_1', true],
    ['in_2', false],
  ])
})

test('after a few refusals the provider is not asked for the other lists of the page', async () => {
  const { ctx, asked } = fakeStripe(100, ids(100).slice(4))
  const { changes } = await invoices.list(ctx, null, NONE)
  expect(asked.length).toBeLessThan(1 + 4 + 10)
  expect(changes).toHaveLength(100)
  expect(changes.filter(({ raw }) => raw === null)).toHaveLength(96)
})

test('where nothing but refusals comes, the page is told to wait, and read again', async () => {
  const { ctx, asked } = fakeStripe(100, ids(100))
  await expect(invoices.list(ctx, null, NONE)).rejects.toMatchObject({ kind: 'rate_limited' })
  expect(asked.length).toBeLessThan(10)
})

test('what is no matter of waiting ends the page', async () => {
  const { ctx } = fakeStripe(3, ['in_1'], { error: new AppError('permanent', 'It is not there.') })
  await expect(invoices.list(ctx, null, NONE)).rejects.toMatchObject({ kind: 'permanent' })
})

test('children of a parent whose list could not be read to its end are asked for at the parent', async () => {
  const { ctx } = fakeStripe(2, ['in_1'], { field: 'items' })
  const { changes } = await items.list(ctx, null, NONE)
  const told = changes.filter(({ raw }) => raw !== null).map(({ id }) => id)
  expect(told).toHaveLength(16 + 10)
  expect(told).toContain('in_0_15')
  expect(changes.filter(({ raw }) => raw === null)).toEqual([
    { collection: 'subscription_item', id: 'in_1/', raw: null },
  ])
})

test('a hint at a parent brings all that stands in its list', async () => {
  const { ctx } = fakeStripe(2, [])
  const looked = await items.get!(ctx, 'in_1/')
  expect(looked.settled).toBe(true)
  expect(looked.changes.map(({ id }) => id)).toHaveLength(16)
  const owned = await sources.get!(ctx, 'in_1/')
  expect(owned.changes.at(-1)!.id).toBe('in_1/in_1_15')
  for (const id of ['/', 'gone/'])
    expect(await items.get!(ctx, id)).toMatchObject({ changes: [], settled: true })
})

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `in_${at}`)
}

/**
 * So many objects, each with a list of 16 of which 10 are embedded, but those in `whole`. The lists of those in `failing`
 * cannot be read.
 */
function fakeStripe(
  count: number,
  failing: string[],
  { whole = [], field = 'lines', error = limited() }: Partial<Options> = {},
) {
  const asked: string[] = []
  const children = (id: string, many: number) =>
    Array.from({ length: many }, (_, at) => ({ id: `${id}_${at}` }))
  const ctx: Context = {
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: () => 0,
    signal: new AbortController().signal,
    request: async ({ path, query = [] }) => {
      asked.push(path)
      const parent = new Map(query).get('subscription') ?? /\/(\w+)\/\w+$/.exec(path)?.[1]
      if (parent !== undefined && parent !== 'v1' && failing.includes(parent)) throw error
      const isChild = parent?.startsWith('in_') === true
      const data = isChild
        ? children(parent, 16)
        : ids(count).map((id, at) => {
            const list = { data: children(id, 10), has_more: !whole.includes(id) }
            return { id, created: count - at, [field]: list }
          })
      const known = isChild || path.split('/').length === 3
      const body = known && parent !== 'gone' ? { data, has_more: false } : refusal
      const status = 'data' in body ? 200 : 404
      const observedAt = '2026-11-24T06:00:00.000000Z'
      return { status, headers: {}, body: JSON.stringify(body), observedAt }
    },
  }
  return { ctx, asked }
}

const refusal = { error: { type: 'invalid_request_error', code: 'resource_missing' } }

type Options = { whole: string[]; field: string; error: AppError }
