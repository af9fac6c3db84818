import type { Account, Row } from './account.ts'
import { invalid, missing, unknownParameter } from './errors.ts'
import { expandText } from './expand.ts'
import { filters, references, required } from './filters.ts'
import type { Filter } from './filters.ts'
import type { Collection, Stored, StripeObject } from './objects.ts'
import { childrenOf, plain, specs } from './objects.ts'
import { ordinaryOf } from './ordinary/ordinary.ts'
import type { Paging } from './query.ts'
import { parseListQuery, rangeNames, rangeOf } from './query.ts'
import { inList, listText, listTextOf, pretty, wire } from './render.ts'
import type { Ordered, Table } from './table.ts'
import { pageOf } from './table.ts'

const knownParams = Object.fromEntries(
  Object.entries(filters).map(([collection, table]) => [
    collection,
    new Set(
      Object.entries(table).flatMap(([name, kind]) =>
        kind === 'range' || kind === 'ignored' ? rangeNames(name) : [name],
      ),
    ),
  ]),
) as Record<Collection, Set<string>>

/** JSON of a page of a collection. */
export function listCollection(
  account: Account,
  collection: Stored,
  query: string,
  version: string,
  parent: Parent | null = null,
): Buffer {
  const { paging, asked } = parseListQuery(query, (name) => knownParams[collection].has(name))
  for (const name of required[collection] ?? []) {
    if (!asked.has(name)) {
      throw invalid(`Missing required param: ${name}.`, name, 'parameter_missing')
    }
  }
  const tests = testsOf(account, collection, asked)
  if (parent !== null) tests.push((value) => plain(value[parent.field]) === parent.id)
  const { owner } = specs[collection]
  const owning = owner === null ? null : (parent?.id ?? asked.get(owner)?.[0] ?? null)
  const unpaged = ordinaryOf(collection)?.unpaged === true
  if (unpaged && query.includes('limit')) throw unknownParameter('limit')
  const { from, to } = rangeOf(asked, 'created')
  const table = account.tables[collection]
  const page = pageOf(
    table,
    {
      limit: unpaged ? Infinity : paging.limit,
      from,
      to,
      ...cursors(account, table, paging, collection, owning),
    },
    tests.length === 0 ? null : ({ value }) => tests.every((test) => test(value)),
  )
  const render = (row: Row) =>
    paging.expand.length === 0
      ? listTextOf(row, version)
      : inList(expandText(account, row.value, paging.expand, 'data', version))
  const path = specs[collection].path.replace(/\{\w+\}/, parent?.id ?? '')
  return listText(page.rows.map(render), page.hasMore, `/v1/${path}`)
}

/** Whose list it is: the field of the objects that tells, and its value. */
export type Parent = { field: string; id: string }

/** JSON of a page of children that live inside their parent: items of a subscription, lines of an invoice. */
export function listChildren(
  account: Account,
  parent: StripeObject,
  paging: Paging,
  url: string,
  version: string,
): Buffer {
  const all = childrenOf(parent)
  const place = (id: string, param: string) => {
    const index = all.findIndex((child) => child.id === id)
    if (index < 0)
      throw missing(account.settings.missingCursorStatus, all[0]?.object ?? 'item', id, param)
    return index
  }
  let from = 0
  if (paging.startingAfter !== null) from = place(paging.startingAfter, 'starting_after') + 1
  let to = from + paging.limit
  let more = to < all.length
  if (paging.endingBefore !== null) {
    to = place(paging.endingBefore, 'ending_before')
    from = Math.max(0, to - paging.limit)
    more = from > 0
  }
  const texts = all
    .slice(from, to)
    .map((child) =>
      inList(
        paging.expand.length === 0
          ? pretty(wire(child, version))
          : expandText(account, child, paging.expand, 'data', version),
      ),
    )
  return listText(texts, more, url)
}

/** Query of `/v1/subscription_items`: the parent must be named. */
export function itemsQuery(
  account: Account,
  query: string,
): { parent: StripeObject; paging: Paging } {
  const { paging, asked } = parseListQuery(query, (name) => knownParams.subscription_item.has(name))
  const id = asked.get('subscription')?.[0]
  if (id === undefined) {
    throw invalid('Missing required param: subscription.', 'subscription', 'parameter_missing')
  }
  const parent = account.get('subscription', id)
  if (parent === null) throw missing(400, 'subscription', id, 'subscription')
  return { parent, paging }
}

/** The rows that the cursors name. */
export function cursors<R extends Ordered>(
  account: Account,
  table: Table<R>,
  paging: Paging,
  noun: string,
  owner: string | null = null,
): { startingAfter?: R; endingBefore?: R } {
  const find = (id: string, param: string) => {
    const row = table.get(owner === null ? id : `${owner}/${id}`)
    if (row === undefined) throw missing(account.settings.missingCursorStatus, noun, id, param)
    return row
  }
  if (paging.startingAfter !== null)
    return { startingAfter: find(paging.startingAfter, 'starting_after') }
  if (paging.endingBefore !== null)
    return { endingBefore: find(paging.endingBefore, 'ending_before') }
  return {}
}

type Test = (value: StripeObject) => boolean

function testsOf(account: Account, collection: Stored, asked: Map<string, string[]>): Test[] {
  const tests: Test[] = []
  for (const [name, filter] of Object.entries(filters[collection])) {
    if (filter === 'range') {
      if (name !== 'created') {
        const { from, to } = rangeOf(asked, name)
        const bounded = from !== -Infinity || to !== Infinity
        if (bounded) tests.push((value) => from <= Number(value[name]) && Number(value[name]) <= to)
      }
      continue
    }
    const values = asked.get(name)
    if (values === undefined) continue
    const reference = references[name]
    if (reference !== undefined && account.get(reference, values[0]!) === null) {
      if (!account.deleted(reference, values[0]!)) throw missing(400, reference, values[0]!, name)
    }
    tests.push(testOf(name, filter, values))
  }
  if (collection === 'subscription' && !asked.has('status'))
    tests.push(({ status }) => status !== 'canceled')
  if (!asked.has('customer') && !asked.has('test_clock') && !asked.has('subscription')) {
    tests.push(...hidesClocks(collection))
  }
  return tests
}

/** Objects of a test clock are shown only to those who name the customer, the subscription or the clock. */
function hidesClocks(collection: Stored): Test[] {
  const clocked = ['customer', 'subscription', 'invoice', 'invoiceitem'].includes(collection)
  return clocked ? [({ test_clock }) => test_clock === null || test_clock === undefined] : []
}

function testOf(name: string, filter: Filter, values: string[]): Test {
  if (typeof filter === 'function') return (value) => filter(value, values)
  if (filter === 'ignored') return () => true
  const [text] = values
  if (filter === 'flag' && text !== 'true' && text !== 'false')
    throw invalid(`Invalid boolean: ${text}`, name)
  return (value) => plain(value[name]) === text
}
