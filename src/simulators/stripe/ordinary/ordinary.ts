import { billing } from './billing.ts'
import { catalogue } from './catalogue.ts'
import { finance } from './finance.ts'
import { payments } from './payments.ts'
import { people } from './people.ts'

/** A collection that is like most: made, listed, found, changed and deleted by what stands here. */
export type Ordinary = {
  /** Of the list, below /v1/. With `{field}` there is one for each parent, which that field of the objects names. */
  path: string
  /** Prefix, and how many characters follow it. */
  id: string
  /** `review.{closed,opened}`, as the reference has them. Left out: none. */
  events?: string
  /** Parameters of the list: `name` (equal), `name:range`, `name:flag`, `name:ignored`; `!name`: it must be there. */
  filters?: string
  /** `object`, where it is not the collection's name. */
  noun?: string
  deletable?: true
  /** The field of a customer that shows them when asked to `expand`. */
  within?: string
  /** Where one is read by its id, where that is not below the list. */
  byId?: string
  /** One cannot be read by its id. */
  noById?: true
  /** The field that names the parent, where an id counts only together with it and the path does not say so. */
  owner?: string
  /** What stands in its embedded list. */
  lines?: string
  /** The product of Stripe that the account must have. */
  feature?: string
  /** The list takes no paging. */
  unpaged?: true
  /** File and interface in the types of the official SDK. */
  declared: string
  /**
   * `name:kind` of each field that is always there. Kinds: flag, int, now (the second of creation), text, digits, map, null,
   * [], {}, list (an embedded one), =word, @collection (the id of one), owned. Names with `_` before them are never shown.
   */
  shape: string
}

export const ordinary = { ...people, ...billing, ...payments, ...catalogue, ...finance }

export type OrdinaryName = keyof typeof ordinary

export const ordinaryNames = Object.keys(ordinary) as OrdinaryName[]

export function ordinaryOf(name: string): Ordinary | null {
  return Object.hasOwn(ordinary, name) ? ordinary[name as OrdinaryName] : null
}

/** The field of an object that names the parent in whose list it stands, by the path; null: the list is for all. */
export function parentField({ path }: Ordinary): string | null {
  return /\{(\w+)\}/.exec(path)?.[1] ?? null
}

/** The field without which an id says nothing; null: ids stand for themselves. */
export function ownerField(one: Ordinary): string | null {
  return one.owner ?? (one.byId === undefined ? parentField(one) : null)
}

/** Prefix of its events, and what may follow it. */
export function eventsOf({ events }: Ordinary): { prefix: string; actions: string[] } | null {
  const found = /^(.*)\.\{(.*)\}$/.exec(events ?? '')
  return found ? { prefix: found[1]!, actions: found[2]!.split(',') } : null
}

/** Name and kind of each word of a shape or a list of filters. */
export function words(line: string): [name: string, kind: string][] {
  return line
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const at = word.lastIndexOf(':')
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)]
    })
}
