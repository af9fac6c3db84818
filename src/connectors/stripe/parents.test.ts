import { expect, test } from 'vitest'
import { AppError } from '../../domain/error.ts'
import type { Bounds, Context, Json, Page } from '../connector.ts'
import { collections } from './collections.ts'

const NONE: Bounds = { fromMs: null, toMs: null }
const attempts = collections['setup_attempt']!
const balance = collections['customer_balance_transaction']!

test('parents are walked in pages of 21 requests at most, and one with many children over several', async () => {
  const parents = Object.fromEntries(
    Array.from({ length: 50 }, (_, at) => [`cus_${at}`, at === 3 ? 250 : 2]),
  )
  const stripe = fakeStripe(parents)
  const { pages, requests } = await walk(stripe, balance)
  const ids = pages.flatMap(({ changes }) => changes.map(({ id }) => id))
  expect(new Set(ids).size).toBe(49 * 2 + 250)
  expect(ids).toHaveLength(new Set(ids).size)
  expect(ids).toContain('cus_3/child_249')
  expect(Math.max(...requests)).toBeLessThanOrEqual(21)
  expect(pages.every(({ cursor }) => JSON.stringify(cursor).length < 4_000)).toBe(true)
})

test('parents that can have no children cost no request', async () => {
  const stripe = fakeStripe({ seti_1: 1, seti_2: 0 })
  stripe.extra['seti_2'] = { latest_attempt: null }
  await walk(stripe, attempts)
  expect(stripe.asked.filter((path) => path.includes('setup_attempts'))).toEqual([
    '/v1/setup_attempts?setup_intent=seti_1',
  ])
})

test('a parent that is gone has no children, and a child that the cursor stood on makes it begin anew', async () => {
  const stripe = fakeStripe({ cus_1: 150, cus_2: 1 })
  stripe.gone.add('cus_2')
  stripe.vanishOnce.add('child_99')
  const { pages } = await walk(stripe, balance)
  const ids = new Set(pages.flatMap(({ changes }) => changes.map(({ id }) => id)))
  expect([...ids].filter((id) => id.startsWith('cus_1/'))).toHaveLength(150)
  expect([...ids].filter((id) => id.startsWith('cus_2/'))).toEqual([])
})

test('a parent whose list fails in passing stays open, and what the others gave is kept', async () => {
  const stripe = fakeStripe({ cus_1: 1, cus_2: 1, cus_3: 1 })
  stripe.failing.add('cus_2')
  const page = await balance.list(stripe.ctx, null, NONE)
  expect(page.changes.map(({ id }) => id)).toEqual(['cus_1/child_0', 'cus_3/child_0'])
  expect([page.cursor, page.done]).toMatchObject([{ open: [{ key: ['cus_2'] }] }, false])
  expect(page).not.toHaveProperty('oldestMs')
  await expect(balance.list(stripe.ctx, page.cursor, NONE)).rejects.toMatchObject({
    kind: 'rate_limited',
  })
  stripe.failing.clear()
  const next = await balance.list(stripe.ctx, page.cursor, NONE)
  expect([next.changes[0]!.id, next.done]).toEqual(['cus_2/child_0', true])
})

test('parents that fail stand last, so that others need not wait for them', async () => {
  const names = Array.from({ length: 30 }, (_, at) => `cus_${at}`)
  const stripe = fakeStripe(Object.fromEntries(names.map((name) => [name, 1])))
  for (const name of names.slice(3, 11)) stripe.failing.add(name)
  const seen = new Set<string>()
  let cursor: Json = null
  const walkOn = async () => {
    for (;;) {
      const page = await balance.list(stripe.ctx, cursor, NONE)
      for (const { id } of page.changes) seen.add(id)
      cursor = page.cursor
    }
  }
  await expect(walkOn()).rejects.toMatchObject({ kind: 'rate_limited' })
  expect(seen.size).toBeGreaterThanOrEqual(3 + 17)
})

test('a hint at a parent reads its children and says that this is all', async () => {
  const stripe = fakeStripe({ cus_1: 3 })
  const looked = await balance.get!(stripe.ctx, 'cus_1/')
  expect(looked.settled).toBe(true)
  expect(looked.changes.map(({ id }) => id)).toEqual([
    'cus_1/child_0',
    'cus_1/child_1',
    'cus_1/child_2',
  ])
})

test('a child without a place of its own is found in the whole list of its parent, or is gone', async () => {
  const stripe = fakeStripe({ seti_1: 120 })
  const found = await attempts.get!(stripe.ctx, 'seti_1/child_110')
  expect(found.changes).toMatchObject([{ id: 'seti_1/child_110' }])
  const gone = { collection: 'setup_attempt', raw: null, deleted: true }
  for (const id of ['seti_1/child_120', 'seti_none/child_1', 'child_1', '../x', '/x', 'seti_1']) {
    expect((await attempts.get!(stripe.ctx, id)).changes).toEqual([{ ...gone, id }])
  }
})

async function walk(stripe: ReturnType<typeof fakeStripe>, collection: typeof balance) {
  const pages: Page[] = []
  const requests: number[] = []
  let cursor: Json = null
  do {
    const before = stripe.asked.length
    const page = await collection.list(stripe.ctx, cursor, NONE)
    requests.push(stripe.asked.length - before)
    pages.push(page)
    cursor = JSON.parse(JSON.stringify(page.cursor)) as Json
  } while (!pages.at(-1)!.done)
  return { pages, requests }
}

/** Lists of parents, each with so many children. */
function fakeStripe(parents: Record<string, number>) {
  const asked: string[] = []
  const extra: Record<string, object> = {}
  const gone = new Set<string>()
  const vanishOnce = new Set<string>()
  const failing = new Set<string>()
  const answer = (status: number, body: unknown) => ({
    status,
    headers: {},
    body: JSON.stringify(body),
    observedAt: '2026-11-24T06:00:00.000000Z',
  })
  const ctx: Context = {
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: () => 0,
    signal: new AbortController().signal,
    request: async ({ path, query = [] }) => {
      const given = new Map(query)
      const own = given.get('setup_intent')
      asked.push(own === undefined ? path : `${path}?setup_intent=${own}`)
      const parent = own ?? /^\/v1\/customers\/([^/]+)\//.exec(path)?.[1]
      const after = given.get('starting_after')
      if (parent === undefined) {
        return answer(
          200,
          page(Object.keys(parents), after, (id) => ({ id, ...extra[id] })),
        )
      }
      if (failing.has(parent)) throw new AppError('rate_limited', 'Stripe asks to slow down.')
      if (gone.has(parent) || parents[parent] === undefined || vanishOnce.delete(after ?? '')) {
        return answer(404, { error: { type: 'invalid_request_error', code: 'resource_missing' } })
      }
      const ids = Array.from({ length: parents[parent] }, (_, at) => `child_${at}`)
      return answer(
        200,
        page(ids, after, (id) => ({ id, created: 1 })),
      )
    },
  }
  return { ctx, asked, extra, gone, vanishOnce, failing }
}

function page(ids: string[], after: string | undefined, of: (id: string) => object) {
  const from = after === undefined ? 0 : ids.indexOf(after) + 1
  const data = ids.slice(from, from + 100).map(of)
  return { object: 'list', data, has_more: from + 100 < ids.length }
}
