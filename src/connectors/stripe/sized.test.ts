import { expect, test } from 'vitest'
import { AppError } from '../../domain/error.ts'
import type { Bounds, Context, Json, Page } from '../connector.ts'
import { collections } from './collections.ts'

const NONE: Bounds = { fromMs: null, toMs: null }

test('a list whose pages are too large is read whole in smaller ones, which the next page remembers', async () => {
  const { ctx, limits } = heavy({ customers: 90, fits: 30 })
  const pages = await walk(ctx, 'customer')
  expect(idsOf(pages)).toEqual(Array.from({ length: 90 }, (_, at) => `cus_${at}`))
  expect(limits.slice(0, 5)).toEqual([100, 50, 25, 25, 25])
  expect(limits.filter((limit) => limit > 30)).toHaveLength(2)
})

test('a list inside an object, and those of parents, are read in smaller pages too', async () => {
  const invoices = heavy({ invoices: 1, lines: 45, fits: 20 })
  const [page] = await walk(invoices.ctx, 'invoice')
  const { lines } = page!.changes[0]!.value as { lines: { data: unknown[] } }
  expect(lines.data).toHaveLength(45)
  const entries = heavy({ customers: 1, balance_transactions: 45, fits: 20 })
  expect(idsOf(await walk(entries.ctx, 'customer_balance_transaction'))).toHaveLength(45)
})

test('one object that is too large by itself says so', async () => {
  const { ctx } = heavy({ customers: 3, fits: 0 })
  await expect(collections['customer']!.list(ctx, null, NONE)).rejects.toMatchObject({
    kind: 'permanent',
    code: 'answer-too-large',
  })
})

async function walk(ctx: Context, name: string): Promise<Page[]> {
  const pages: Page[] = []
  let cursor: Json = null
  do {
    pages.push(await collections[name]!.list(ctx, cursor, NONE))
    cursor = JSON.parse(JSON.stringify(pages.at(-1)!.cursor)) as Json
  } while (!pages.at(-1)!.done)
  return pages
}

function idsOf(pages: Page[]): string[] {
  return pages.flatMap(({ changes }) => changes.map(({ id }) => id))
}

/** Lists of so many objects, of which so many fit into one answer; each answer looks as large as it may be. */
function heavy({ fits, ...counts }: Record<string, number> & { fits: number }) {
  const limits: number[] = []
  const ctx: Context = {
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: () => 0,
    signal: new AbortController().signal,
    request: async ({ path, query = [] }) => {
      const given = new Map(query)
      const name = path.split('/').at(-1)!
      const limit = Number(given.get('limit'))
      const all = Array.from({ length: counts[name]! }, (_, at) => object(name, at))
      const after = given.get('starting_after')
      const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
      const data = all.slice(from, from + limit)
      limits.push(limit)
      if (data.length > fits)
        throw new AppError('permanent', 'It is too large.', { code: 'answer-too-large' })
      const text = JSON.stringify({ data, has_more: from + limit < all.length })
      const body = text + ' '.repeat(8 * 1024 * 1024)
      return { status: 200, headers: {}, body, observedAt: '2026-11-24T06:00:00.000000Z' }
    },
  }
  return { ctx, limits }
}

function object(name: string, at: number) {
  const id = `${name.slice(0, 3)}_${at}`
  const cut = { data: [], has_more: true }
  return { id, created: 1_000 - at, ...(name === 'invoices' ? { lines: cut } : {}) }
}
