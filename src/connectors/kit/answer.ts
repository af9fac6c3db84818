import { AppError } from '../../domain/error.ts'
import { elements } from '../../domain/rawJson.ts'
import type { Classified, FailedAnswer, UpstreamAnswer } from '../connector.ts'

/** One upstream object: its own text as sent, and the same parsed, for ids and times. */
export type Item = { raw: string; value: Record<string, unknown> }

/** The answer's body as one object. Throws `transient` for HTML, a cut body or anything else that is none. */
export function readObject(answer: UpstreamAnswer): Item {
  const value = tryObject(answer.body)
  if (!value) throw unreadable()
  return { raw: answer.body.trim(), value }
}

/** The objects in the array at the top-level key `name` of an answer. Throws `transient` where there is no such array. */
export function readItems({ raw, value }: Item, name: string): Item[] {
  const values = value[name]
  if (!Array.isArray(values)) throw unreadable()
  const raws = elements(raw, [name])
  return raws.map((text, at) => {
    const item = asObject(values[at])
    if (!item) throw unreadable()
    return { raw: text, value: item }
  })
}

/** The body parsed, where it is a JSON object; else null. */
export function tryObject(body: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(body))
  } catch {
    return null
  }
}

export function asObject(value: unknown): Record<string, unknown> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return value as Record<string, unknown>
}

/** The value as a string that is not empty; else null. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** The provider's clock when it answered, from the `Date` header (whole seconds); null where there is none. */
export function serverTimeMs(answer: UpstreamAnswer): number | null {
  const time = Date.parse(answer.headers['date'] ?? '')
  return Number.isNaN(time) ? null : time
}

/** ISO 8601 in UTC with microseconds, the form of `observedAt`. */
export function isoMicros(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z')
}

/** A refusal without the provider's own envelope: a proxy's or a firewall's, which says nothing of the account. */
export function refusedOnTheWay(title: string, { status, path }: FailedAnswer): Classified {
  return {
    kind: 'transient',
    message: `Something between here and ${title} answered ${path.split('?')[0]} with status ${status} and a page that is not ${title}'s; this is tried again. If it goes on, check proxies, firewalls and base_url.`,
  }
}

function unreadable(): AppError {
  return new AppError(
    'transient',
    'The provider answered with something that is not the JSON it documents. This is tried again; if it goes on, look whether something between here and the provider rewrites answers.',
  )
}
