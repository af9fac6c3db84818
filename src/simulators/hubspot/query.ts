import { invalid } from './errors.ts'
import type { Portal } from './portal.ts'
import type { Wanted } from './record.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

/** Names of a comma list; the key may also be repeated. Null: not given. */
export function names(query: URLSearchParams, key: string): string[] | null {
  const given = query.getAll(key)
  if (given.length === 0) return null
  return given.flatMap((text) => text.split(',')).filter((name) => name !== '')
}

/** `properties`, `propertiesWithHistory` and `associations` of a query. */
export function wantedOf(portal: Portal, query: URLSearchParams): Wanted {
  return {
    properties: names(query, 'properties'),
    history: names(query, 'propertiesWithHistory') ?? [],
    associations: (names(query, 'associations') ?? []).map((name) => typeNamed(portal, name)),
  }
}

export function flag(query: URLSearchParams, key: string): boolean {
  const text = query.get(key) ?? 'false'
  if (text !== 'true' && text !== 'false') {
    throw invalid(`Unable to parse value for query parameter: ${key}`)
  }
  return text === 'true'
}

/** A whole number from 1 to `max`. */
export function limitOf(given: string | null, fallback: number, max: number): number {
  if (given === null) return fallback
  const limit = Number(given)
  if (!/^-?\d+$/.test(given)) throw invalid('Unable to parse value for query parameter: limit')
  if (limit < 1) throw invalid(`Invalid limit ${limit}; it must be greater than 0`)
  if (limit > max) throw invalid(`Invalid limit ${limit}; the maximum page size is ${max}`)
  return limit
}

/** The type that a path or parameter names. Throws 400. */
export function typeNamed(portal: Portal, name: string): ObjectType {
  const lower = name.toLowerCase()
  const type =
    portal.typeOf(name) ??
    portal.typeOf(lower) ??
    portal.types().find(({ singular }) => singular === lower)
  if (type === undefined || type === null) {
    throw invalid(`Unable to infer object type from: ${name}`)
  }
  return type
}

/** The body of a request as an object. */
export function bodyOf(text: string): Fields {
  let value: unknown
  try {
    value = text === '' ? {} : JSON.parse(text)
  } catch {
    throw invalid('Invalid input JSON on line 1, column 1')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('Invalid input JSON on line 1, column 1')
  }
  return value as Fields
}

/** Texts of an array in a body; absent: none. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

/** `inputs` of a batch. Throws 400 when there are more than `max`. */
export function inputsOf(body: Fields, max: number): Fields[] {
  const inputs = body.inputs
  if (!Array.isArray(inputs)) throw invalid('Invalid input JSON: inputs are missing')
  if (inputs.length > max) {
    throw invalid(
      `The maximum number of inputs supported in a batch is ${max}, got ${inputs.length}`,
    )
  }
  return inputs as Fields[]
}
