import { endlessList } from '../../domain/endless.ts'
import { replaceMember } from '../../domain/rawJson.ts'
import type { Context } from '../connector.ts'
import { asObject, asText, readItems, readObject, type Item } from '../kit/answer.ts'
import { askSized } from '../kit/sized.ts'
import { lastId, PAGE_SIZE } from './page.ts'
import { addressOf } from './spec.ts'

/** A list inside an object, of which Stripe embeds the first ten. `address`: where the whole of it is read. */
export type Nested = { field: string; address: string }

/** Requests that completing lists may still cost; counted down. */
export type Budget = { requests: number }

/** True: one of its lists is cut short. */
export function isCut(value: Record<string, unknown>, nested: Nested[]): boolean {
  return nested.some(({ field }) => asObject(value[field])?.['has_more'] === true)
}

/** True: all of its lists are there, to their ends. */
export function isWhole(value: Record<string, unknown>, nested: Nested[]): boolean {
  return nested.every(({ field }) => asObject(value[field])?.['has_more'] === false)
}

/** How often a list is read anew because it changed under our feet. */
const RESTARTS_MAX = 3

/**
 * The object with every list that was cut short read to its end and put into its text. Null where that goes beyond the
 * budget, or where the server has no such list: the object may be gone by now.
 */
export async function complete(
  ctx: Context,
  item: Item,
  nested: Nested[],
  budget: Budget,
): Promise<Item | null> {
  let raw = item.raw
  for (const list of nested) {
    if (!isCut(item.value, [list])) continue
    const id = asText(item.value['id'])
    const raws = id === null ? null : await readAll(ctx, list, id, budget)
    if (!raws) return null
    raw = replaceMember(raw, [list.field, 'data'], `[${raws.join(',')}]`)
    raw = replaceMember(raw, [list.field, 'has_more'], 'false')
  }
  if (raw === item.raw) return item
  return { raw, value: JSON.parse(raw) as Record<string, unknown> }
}

async function readAll(ctx: Context, list: Nested, id: string, budget: Budget) {
  const { path, query, bucket } = addressOf(list.address, [id])
  let raws: string[] = []
  let after: string | null = null
  let restarts = 0
  let limit = PAGE_SIZE
  const met = new Set<string>()
  for (;;) {
    if (budget.requests-- <= 0) return null
    const cursor: [string, string][] = after === null ? [] : [['starting_after', after]]
    const { answer, next } = await askSized(limit, PAGE_SIZE, (size) =>
      ctx.request({
        path,
        query: [...query, ['limit', String(size)], ...cursor],
        bucket,
        accept: [400, 404],
      }),
    )
    limit = next
    if (answer.status >= 400) {
      if (after === null || restarts++ === RESTARTS_MAX) return null
      // the child that we stood on is gone
      raws = []
      after = null
      met.clear()
      continue
    }
    const body = readObject(answer)
    const items = readItems(body, 'data')
    for (const item of items) raws.push(item.raw)
    if (body.value['has_more'] !== true) return raws
    after = lastId(items)
    if (after === null || met.has(after)) throw endlessList(path)
    met.add(after)
  }
}
