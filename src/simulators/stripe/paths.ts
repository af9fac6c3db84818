import type { SimRequest } from '../kit/serve.ts'
import type { Collection } from './objects.ts'
import { collections, specs } from './objects.ts'
import { ordinaryOf, parentField } from './ordinary/ordinary.ts'

/** What a path below /v1/ names. */
export type Place = {
  collection: Collection
  /** Whose list it is, where there is one for each. */
  parent: { collection: Collection; field: string; id: string } | null
  /** By what the object is known (objects.ts, keyOf); undefined: all of them. */
  key: string | undefined
  /** What follows: an action, or a list below the object. */
  rest: string[]
}

type Pattern = {
  collection: Collection
  parts: string[]
  field: string | null
  above: Collection | null
}

/** Of the longest first, by the first part. */
const patterns = new Map<string, Pattern[]>()
for (const one of collections.map(patternOf).sort((a, b) => b.parts.length - a.parts.length)) {
  patterns.set(one.parts[0]!, [...(patterns.get(one.parts[0]!) ?? []), one])
}

/** Null: no collection. */
export function placeOf(parts: string[]): Place | null {
  for (const { collection, parts: pattern, field, above } of patterns.get(parts[0] ?? '') ?? []) {
    if (parts.length < pattern.length) continue
    if (!pattern.every((part, at) => part.startsWith('{') || part === parts[at])) continue
    const rest = parts.slice(pattern.length)
    const id = field === null ? null : parts[pattern.findIndex((part) => part.startsWith('{'))]!
    const parent = field === null || above === null ? null : { collection: above, field, id: id! }
    const own = rest.shift()
    const key = own === undefined || specs[collection].owner === null ? own : `${id}/${own}`
    return { collection, parent, key, rest }
  }
  return null
}

/** A path with `{id}` in the place of each id: what one limit counts. */
export function endpointOf({ method, path }: SimRequest): string {
  const parts = path.split('/')
  const place = placeOf(parts.slice(2))
  if (place === null) return `${method} ${path}`
  const named = [place.parent?.id, place.key?.split('/').at(-1)]
  return `${method} ${parts.map((part) => (part !== '' && named.includes(part) ? '{id}' : part)).join('/')}`
}

function patternOf(collection: Collection): Pattern {
  const ordinary = ordinaryOf(collection)
  const parts = specs[collection].path.split('/')
  const field = ordinary === null ? null : parentField(ordinary)
  const parentPath = parts
    .slice(
      0,
      parts.findIndex((part) => part.startsWith('{')),
    )
    .join('/')
  const above = collections.find((name) => specs[name].path === parentPath) ?? null
  return { collection, parts, field, above }
}
