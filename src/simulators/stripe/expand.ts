import type { Account } from './account.ts'
import { invalid } from './errors.ts'
import type { Collection, Fields, Json, StripeObject } from './objects.ts'
import { listOf, plain, specs } from './objects.ts'
import type { OrdinaryName } from './ordinary/ordinary.ts'
import { ordinaryNames, ordinaryOf } from './ordinary/ordinary.ts'
import { cut, pretty, shown, wire } from './render.ts'

const depthMax = 4

/** JSON text of an object with the properties of `paths` in full. `root` (`data` for lists) starts every path. */
export function expandText(
  account: Account,
  value: StripeObject,
  paths: string[],
  root: string | null,
  version: string,
): string {
  const copy = structuredClone(wire(value, version))
  for (const path of paths) {
    const parts = path.split('.')
    if (parts.length > depthMax) {
      throw invalid(
        `You cannot expand more than ${depthMax} levels of a property. Property: ${path}`,
        'expand',
        'property_expansion_max_depth',
      )
    }
    if (root !== null && parts.shift() !== root) throw notExpandable(path)
    expand(account, copy, parts, path, version)
  }
  return pretty(copy)
}

function expand(
  account: Account,
  node: Json,
  parts: string[],
  path: string,
  version: string,
): void {
  const [name, ...rest] = parts
  if (name === undefined || node === null || typeof node !== 'object') return
  if (Array.isArray(node)) {
    for (const element of node) expand(account, element, parts, path, version)
    return
  }
  const current = node[name] ?? absent(account, node, name)
  if (current === undefined) throw notExpandable(path)
  node[name] =
    typeof current === 'string' ? (load(account, name, current, version) ?? current) : current
  if (Array.isArray(current)) {
    node[name] = current.map((id) =>
      typeof id === 'string' ? (load(account, name, id, version) ?? id) : id,
    )
  }
  expand(account, node[name], rest, path, version)
}

/** Lists that are shown only when asked for. Null: a known field that is empty. */
function absent(account: Account, node: Fields, name: string): Json | undefined {
  if (name in node) return null
  const all = (collection: 'refund' | 'subscription', key: string) =>
    account.tables[collection]
      .rows()
      .filter(({ value }) => value[key] === node.id)
      .map(({ value }) => value)
  if (node.object === 'charge' && name === 'refunds') {
    return listOf(`/v1/charges/${plain(node.id)}/refunds`, all('refund', 'charge').reverse())
  }
  if (node.object === 'customer' && name === 'subscriptions') {
    const live = all('subscription', 'customer').filter(({ status }) => status !== 'canceled')
    return listOf(`/v1/customers/${plain(node.id)}/subscriptions`, live.reverse())
  }
  const within = node.object === 'customer' ? shownIn[name] : undefined
  if (within !== undefined) {
    const rows = account.tables[within].rows().filter(({ value }) => value.customer === node.id)
    const children = rows.map(({ value }) => shown(value)).reverse()
    return cut(listOf(`/v1/customers/${plain(node.id)}/${name}`, children))
  }
  if (node.object === 'customer' && name === 'cash_balance') {
    return account.get('customer', plain(node.id))?.['_cash_balance'] ?? null
  }
  return undefined
}

const shownIn = Object.fromEntries(
  ordinaryNames.flatMap((name) => {
    const within = ordinaryOf(name)?.within
    return within === undefined ? [] : [[within, name]]
  }),
) as Record<string, OrdinaryName>

const fieldCollections: Record<string, Collection> = {
  coupon: 'coupon',
  default_price: 'price',
  latest_charge: 'charge',
  latest_invoice: 'invoice',
}

/** The object behind an id, its stub when it is deleted; undefined: nothing that is simulated. */
function load(account: Account, field: string, id: string, version: string): Fields | undefined {
  const byPrefix = (Object.keys(specs) as Collection[]).find(
    (name) => specs[name].prefix !== '' && id.startsWith(specs[name].prefix),
  )
  const collection = fieldCollections[field] ?? byPrefix
  if (collection === undefined) return undefined
  const value = account.get(collection, id)
  if (value !== null) return structuredClone(wire(value, version))
  return account.deleted(collection, id) ? { id, object: collection, deleted: true } : undefined
}

function notExpandable(path: string): Error {
  return invalid(`This property cannot be expanded (${path}).`, 'expand')
}
