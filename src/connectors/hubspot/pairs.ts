import { isCustomName, objectTypes } from './objectTypes.ts'

/**
 * Pairs of types whose associations are collections by default: what a CRM is about, each pair once, for the other
 * direction holds the same. Any other pair, also with custom objects, is a collection by its name.
 */
export const pairs: [from: string, to: string][] = [
  ['contacts', 'companies'],
  ['contacts', 'deals'],
  ['contacts', 'tickets'],
  ['companies', 'deals'],
  ['companies', 'tickets'],
  ['companies', 'companies'],
  ['deals', 'line_items'],
  ['deals', 'quotes'],
  ['deals', 'tickets'],
  ['quotes', 'line_items'],
  ['leads', 'contacts'],
  ['leads', 'companies'],
  ...['calls', 'emails', 'meetings', 'notes', 'tasks', 'communications'].flatMap(
    (activity): [string, string][] =>
      ['contacts', 'companies', 'deals', 'tickets'].map((type) => [activity, type]),
  ),
]

export function pairName([from, to]: [string, string]): string {
  return `${from}_to_${to}`
}

/** `contacts_to_p1_cars`: both ends of a name, where both are types; null: no such name. */
export function pairOf(name: string): [from: string, to: string] | null {
  for (let at = name.indexOf('_to_'); at > 0; at = name.indexOf('_to_', at + 1)) {
    const ends: [string, string] = [name.slice(0, at), name.slice(at + 4)]
    if (ends.every(isType)) return ends
  }
  return null
}

export function titleOf(name: string): string {
  return objectTypes.find((type) => type.name === name)?.title ?? name.replace(/^p\d+_/, '')
}

function isType(name: string): boolean {
  return isCustomName(name) || objectTypes.some((type) => type.name === name)
}
