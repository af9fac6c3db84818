import { HubspotError, invalid } from './errors.ts'
import type { Portal } from './portal.ts'
import { typeNamed } from './query.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType, Row } from './objectTypes.ts'

/** True: the row is one of those asked for. */
export type Filter = (row: Row) => boolean

const groupsMax = 5
const filtersMax = 6
const allMax = 18

const operators = (
  'EQ NEQ LT LTE GT GTE BETWEEN IN NOT_IN HAS_PROPERTY NOT_HAS_PROPERTY CONTAINS_TOKEN ' +
  'NOT_CONTAINS_TOKEN'
).split(' ')

export function fits(filter: Filter, row: Row): boolean {
  return filter(row)
}

/** Groups of filters: any group, all of its filters. Null: no filters at all. Throws 400 on what HubSpot refuses. */
export function readGroups(portal: Portal, type: ObjectType, given: unknown): Filter[][] | null {
  if (!Array.isArray(given) || given.length === 0) return null
  const groups = given.map((group) => {
    const filters = (group as Fields | null)?.filters
    if (!Array.isArray(filters)) throw invalid('filters of a filter group are missing')
    return filters as Fields[]
  })
  const count = groups.reduce((sum, filters) => sum + filters.length, 0)
  if (
    groups.length > groupsMax ||
    count > allMax ||
    groups.some((filters) => filters.length > filtersMax)
  ) {
    throw invalid(
      `A search has at most ${groupsMax} filter groups with ${filtersMax} filters each, ${allMax} in all`,
    )
  }
  return groups.map((filters) => filters.map((filter) => readFilter(portal, type, filter)))
}

function readFilter(portal: Portal, type: ObjectType, filter: Fields): Filter {
  const name = plain(filter.propertyName)
  const operator = plain(filter.operator)
  if (!operators.includes(operator)) throw invalid(`Invalid operator ${operator}`)
  if (name.startsWith('associations.')) return associated(portal, type, name, filter)
  const property = portal.properties(type).get(name)
  if (property === undefined || property.archived) {
    throw invalid(`Property with name "${name}" does not exist`)
  }
  // Contacts have this property, and search finds nothing by it: no error, no row.
  if (type.name === 'contacts' && name === 'hs_lastmodifieddate') return () => false
  const timed = property.type === 'datetime' || property.type === 'date'
  const read = timed ? readTime : property.type === 'number' ? readNumber : readText
  const one = (key: 'value' | 'highValue'): number | string => {
    const text = filter[key]
    if (text === undefined || text === null || text === '') {
      throw invalid(`${key} of a filter with operator ${operator} is missing`)
    }
    return read(plain(text))
  }
  const many = () => {
    if (!Array.isArray(filter.values)) throw invalid(`values of operator ${operator} are missing`)
    return new Set(filter.values.map((value) => read(plain(value))))
  }
  const of = valueOf(type, name, read)
  const when = (test: (value: number | string) => boolean): Filter => {
    return (row) => {
      const value = of(row)
      return value !== null && test(value)
    }
  }
  switch (operator) {
    case 'HAS_PROPERTY':
      return (row) => of(row) !== null
    case 'NOT_HAS_PROPERTY':
      return (row) => of(row) === null
    case 'IN':
    case 'NOT_IN': {
      const wanted = many()
      if (operator === 'IN') return when((value) => wanted.has(value))
      return (row) => !wanted.has(of(row) ?? '')
    }
    case 'CONTAINS_TOKEN':
    case 'NOT_CONTAINS_TOKEN': {
      const test = tokenTest(plain(filter.value))
      const has: Filter = (row) => row.values[name] !== undefined && test(row.values[name])
      return operator === 'CONTAINS_TOKEN' ? has : (row) => !has(row)
    }
    default: {
      const low = one('value')
      const high = operator === 'BETWEEN' ? one('highValue') : low
      if (timed && ['GT', 'GTE', 'BETWEEN'].includes(operator) && low === 0) {
        throw new HubspotError(500, { message: 'internal error' })
      }
      return operator === 'NEQ' ? (row) => of(row) !== low : when(comparisons[operator]!(low, high))
    }
  }
}

type Compare = (low: number | string, high: number | string) => (value: number | string) => boolean

const comparisons: Record<string, Compare> = {
  EQ: (low) => (value) => value === low,
  LT: (low) => (value) => value < low,
  LTE: (low) => (value) => value <= low,
  GT: (low) => (value) => value > low,
  GTE: (low) => (value) => value >= low,
  BETWEEN: (low, high) => (value) => value >= low && value <= high,
}

/** How a row's value is read; the dates of the row itself are at hand as numbers. */
function valueOf(
  type: ObjectType,
  name: string,
  read: (text: string) => number | string,
): (row: Row) => number | string | null {
  if (name === type.modified) return (row) => row.updatedMs
  if (name === type.created) return (row) => row.createdMs
  if (name === 'hs_object_id') return (row) => Number(row.id)
  return (row) => {
    const text = row.values[name]
    return text === undefined ? null : read(text)
  }
}

/** Milliseconds: given as such, or in ISO form. */
function readTime(text: string): number {
  const ms = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isFinite(ms)) throw invalid(`${text} is not a valid date`)
  return ms
}

function readNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw invalid(`${text} is not a valid number`)
  return value
}

function readText(text: string): string {
  return text.toLowerCase()
}

/** Whole words, `*` stands for any part of one. */
function tokenTest(pattern: string): (text: string) => boolean {
  const escaped = pattern
    .toLowerCase()
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^\\s]*')
  const word = new RegExp(`(^|[^a-z0-9])${escaped}($|[^a-z0-9])`)
  return (text) => word.test(text.toLowerCase())
}

/** `associations.contact` EQ an id. */
function associated(portal: Portal, type: ObjectType, name: string, filter: Fields): Filter {
  const to = typeNamed(portal, name.slice('associations.'.length))
  if (to.typeId.startsWith('2-')) throw invalid('Custom objects cannot be searched by association')
  if (filter.operator !== 'EQ' && filter.operator !== 'IN') {
    throw invalid(`Operator ${plain(filter.operator)} is not supported for associations`)
  }
  const wanted =
    filter.operator === 'IN' && Array.isArray(filter.values) ? filter.values : [filter.value]
  return (row) =>
    wanted.some((id) => portal.links.of([type.name, row.id], [to.name, plain(id)]).length > 0)
}
