import { expect, test } from 'vitest'
import type { Context } from '../connector.ts'
import { childrenIn, collections, specs } from './collections.ts'
import { stripe } from './index.ts'

const HOUR_MS = 3_600_000

test('every list that walks parents, or stands in them, names parents that are a collection too', () => {
  for (const [name, { within, under }] of Object.entries(specs)) {
    const of = within?.of ?? under?.of
    if (of !== undefined) expect(specs, name).toHaveProperty([of])
  }
})

test('what most accounts are about comes first, and what costs a request for each parent last', () => {
  const names = Object.keys(collections)
  expect(names.slice(0, 4)).toEqual(['customer', 'subscription', 'invoice', 'charge'])
  const walking = names.findIndex((name) => specs[name]!.under)
  expect(names.slice(walking).every((name) => specs[name]!.under)).toBe(true)
})

test('the stub of a deleted object is no record, in a list, under a parent, or inside one', async () => {
  const stub = { id: 'x_1', object: 'x', deleted: true }
  const body = JSON.stringify({ object: 'list', data: [stub], has_more: false })
  const ctx = {
    now: () => 0,
    request: async () => ({ status: 200, headers: {}, body, observedAt: '' }),
  } as unknown as Context
  const listed = await collections['customer']!.list(ctx, null, { fromMs: null, toMs: null })
  expect(listed.changes).toEqual([{ collection: 'customer', id: 'x_1', raw: null, deleted: true }])
  const under = await collections['customer_balance_transaction']!.get!(ctx, 'cus_1/')
  expect(under.changes).toMatchObject([{ id: 'cus_1/x_1', raw: null, deleted: true }])
  const value = { id: 'sub_1', items: { object: 'list', data: [stub] } }
  const inside = childrenIn('subscription', { raw: JSON.stringify(value), value })
  expect(inside).toMatchObject([{ id: 'x_1', raw: null, deleted: true }])
})

test('each limit stands once', () => {
  const buckets = stripe.limits.map(({ bucket, livemode }) => `${bucket} ${livemode}`)
  expect(new Set(buckets).size).toBe(buckets.length)
})

test('an empty account costs less than 120 listings an hour, and less than 70 whole comparisons a day', () => {
  const relists = Object.values(collections).reduce(
    (sum, { refresh: { relist } }) => sum + (relist ? HOUR_MS / relist.everyMs : 0),
    0,
  )
  const comparisons = Object.values(collections).reduce(
    (sum, { enumerateEveryMs }) => sum + (24 * HOUR_MS) / enumerateEveryMs,
    0,
  )
  expect(Math.ceil(relists)).toBeLessThan(120)
  expect(Math.ceil(comparisons)).toBeLessThan(70)
})
