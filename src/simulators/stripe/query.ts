import { parseForm } from '../kit/form.ts'
import type { Form, FormValue } from '../kit/form.ts'
import { invalid, unknownParameter } from './errors.ts'

export type Paging = {
  limit: number
  startingAfter: string | null
  endingBefore: string | null
  expand: string[]
}

export type Range = { from: number; to: number }

/** Query of a list: paging, and all other parameters flat, `created[gte]` as it is written. */
export function parseListQuery(
  query: string,
  known: (name: string) => boolean,
): { paging: Paging; asked: Map<string, string[]> } {
  const paging: Paging = { limit: 10, startingAfter: null, endingBefore: null, expand: [] }
  const asked = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    const base = name.replace(/\[\d*\]$/, '')
    switch (base) {
      case 'limit':
        paging.limit = limitOf(value)
        break
      case 'starting_after':
        paging.startingAfter = value
        break
      case 'ending_before':
        paging.endingBefore = value
        break
      case 'expand':
        paging.expand.push(value)
        break
      default:
        if (!known(base)) throw unknownParameter(name.replace(/\[.*$/, ''))
        asked.set(base, [...(asked.get(base) ?? []), value])
    }
  }
  if (paging.startingAfter !== null && paging.endingBefore !== null) {
    throw invalid(
      'You can only specify one of these parameters: starting_after, ending_before.',
      'starting_after',
      'parameters_exclusive',
    )
  }
  return { paging, asked }
}

/** Query of a single object: only `expand`. */
export function parseExpand(form: Form): string[] {
  for (const name of Object.keys(form)) if (name !== 'expand') throw unknownParameter(name)
  const expand: FormValue = form.expand ?? []
  return (Array.isArray(expand) ? expand : [expand]).map(String)
}

export function parseQuery(query: string): Form {
  return parseForm(query)
}

function limitOf(text: string): number {
  if (!/^-?\d+$/.test(text)) {
    throw invalid(`Invalid integer: ${text}`, 'limit', 'parameter_invalid_integer')
  }
  const limit = Number(text)
  if (limit > 100)
    throw invalid(
      'This value must be less than or equal to 100.',
      'limit',
      'parameter_invalid_integer',
    )
  if (limit < 1)
    throw invalid(
      'This value must be greater than or equal to 1.',
      'limit',
      'parameter_invalid_integer',
    )
  return limit
}

const operators = ['gte', 'gt', 'lte', 'lt']

/** Names under which a range can be asked: `created`, `created[gte]`, … */
export function rangeNames(name: string): string[] {
  return [name, ...operators.map((operator) => `${name}[${operator}]`)]
}

/** Seconds that a range parameter leaves, both ends included. */
export function rangeOf(asked: Map<string, string[]>, name: string): Range {
  let from = -Infinity
  let to = Infinity
  for (const [index, key] of rangeNames(name).entries()) {
    for (const text of asked.get(key) ?? []) {
      if (!/^-?\d+$/.test(text))
        throw invalid(`Invalid integer: ${text}`, key, 'parameter_invalid_integer')
      const seconds = Number(text)
      const operator = operators[index - 1]
      if (operator === undefined) return { from: seconds, to: seconds }
      if (operator === 'gte') from = Math.max(from, seconds)
      if (operator === 'gt') from = Math.max(from, seconds + 1)
      if (operator === 'lte') to = Math.min(to, seconds)
      if (operator === 'lt') to = Math.min(to, seconds - 1)
    }
  }
  return { from, to }
}
