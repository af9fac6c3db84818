import { HubspotError, invalid } from './errors.ts'
import { fits, readGroups } from './filters.ts'
import type { Portal } from './portal.ts'
import { bodyOf, textsOf } from './query.ts'
import { render } from './record.ts'
import type { Fields, ObjectType, Row } from './objectTypes.ts'

const rowsMax = 10_000
const limitMax = 200
const queryMax = 3000

/**
 * `POST …/search`: reads the index, not the records. At most 10,000 rows of a query can be paged through, `total` tells how
 * many there are. Archived records are never told.
 */
export function search(portal: Portal, type: ObjectType, text: string): Fields {
  const body = bodyOf(text)
  const limit = readNumber(body.limit, 'limit', 10)
  if (limit > limitMax) throw invalid(`The request limit ${limit} is over the maximum ${limitMax}`)
  const offset = readNumber(body.after, 'after', 0)
  if (offset + limit > rowsMax) {
    throw new HubspotError(400, { message: 'There was a problem with the request.' })
  }
  const query = typeof body.query === 'string' ? body.query.toLowerCase() : ''
  if (query.length > queryMax) throw invalid(`The query is longer than ${queryMax} characters`)
  const groups = readGroups(portal, type, body.filterGroups)
  const order = readSort(portal, type, body.sorts)
  const table = portal.table(type)
  const found: Row[] = []
  for (const row of portal.index.rows(type.name, portal.now()).values()) {
    const there = table.get(row.id)
    if (there === undefined || there.archivedMs !== null) continue
    if (query !== '' && !mentions(type, row, query)) continue
    if (groups === null || groups.some((filters) => filters.every((filter) => fits(filter, row)))) {
      found.push(row)
    }
  }
  found.sort(order)
  const page = found.slice(offset, offset + limit)
  const wanted = {
    properties: Array.isArray(body.properties) ? textsOf(body.properties) : null,
    history: [],
    associations: [],
  }
  const next = offset + page.length
  return {
    total: found.length,
    results: page.map((row) => render(portal, type, row, wanted)),
    ...(next < found.length && page.length > 0
      ? {
          paging: {
            next: {
              after: String(next),
              link: `https://api.hubapi.com/crm/v3/objects/${type.name}/search?after=${next}`,
            },
          },
        }
      : {}),
  }
}

function readNumber(given: unknown, name: string, fallback: number): number {
  if (given === undefined || given === null || given === '') return fallback
  const value = Number(given)
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(`${name} is not a valid number`)
  return value
}

function mentions(type: ObjectType, row: Row, query: string): boolean {
  return type.defaults.some((name) => row.values[name]?.toLowerCase().includes(query))
}

type Order = (a: Row, b: Row) => number

const byId: Order = (a, b) => Number(a.id) - Number(b.id)

/** One sort, as `{propertyName, direction}`, `name` or `-name`; by default oldest first. Equal ones in no promised order. */
function readSort(portal: Portal, type: ObjectType, given: unknown): Order {
  const sorts = Array.isArray(given) ? given : []
  if (sorts.length > 1) throw invalid('Only one sort is supported')
  if (sorts.length === 0) return (a, b) => a.createdMs - b.createdMs || byId(a, b)
  const sort = sorts[0] as string | { propertyName?: string; direction?: string }
  const name = typeof sort === 'string' ? sort.replace(/^-/, '') : (sort.propertyName ?? '')
  const down = typeof sort === 'string' ? sort.startsWith('-') : sort.direction === 'DESCENDING'
  const property = portal.properties(type).get(name)
  if (property === undefined || property.archived) {
    throw invalid(`Property with name "${name}" does not exist`)
  }
  const sign = down ? -1 : 1
  if (name === 'hs_object_id') return (a, b) => sign * byId(a, b)
  if (name === type.modified) {
    return (a, b) => sign * (a.updatedMs - b.updatedMs) || byId(b, a)
  }
  if (property.type === 'number') {
    const number = (row: Row) => Number(row.values[name] ?? -Infinity)
    return (a, b) => sign * (number(a) - number(b)) || byId(b, a)
  }
  const text = (row: Row) => row.values[name]?.toLowerCase() ?? ''
  const compared = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return (a, b) => sign * compared(text(a), text(b)) || byId(b, a)
}
