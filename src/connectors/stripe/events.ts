import { member } from '../../domain/rawJson.ts'
import type { Change } from '../connector.ts'
import { asObject, asText, readItems, type Item } from '../kit/answer.ts'
import { itemsOf, nestedOf } from './collections.ts'
import { isCut } from './nested.ts'

/**
 * The one API version that everything is read at. Stripe renders an event at the account's version of its time, whatever
 * one asks for: only events of this version can stand for the object itself.
 */
export const API_VERSION = '2026-10-28.endive'

/** One event of `/v1/events`, as far as we look into it. */
export type StripeEvent = {
  id: string
  type: string
  second: number
  version: string | null
  /** What it is about, `customer cus_1`; null: an object without an id (`invoice.upcoming`). */
  object: { collection: string; id: string; item: Item } | null
  previous: Record<string, unknown> | null
}

export function readEvent({ raw, value }: Item): StripeEvent | null {
  const [id, type, second] = [asText(value['id']), asText(value['type']), value['created']]
  if (id === null || type === null || typeof second !== 'number') return null
  const data = asObject(value['data'])
  return {
    id,
    type,
    second,
    version: asText(value['api_version']),
    object: objectOf(asObject(data?.['object']), raw),
    previous: asObject(data?.['previous_attributes']),
  }
}

function objectOf(value: Record<string, unknown> | null, raw: string): StripeEvent['object'] {
  const id = asText(value?.['id'])
  const collection = asText(value?.['object'])
  const text = member(raw, ['data', 'object'])
  if (!value || id === null || collection === null || text === undefined) return null
  return { collection, id, item: { raw: text, value } }
}

/**
 * What an event says: the object itself where its body may stand for it, else that it is to be looked at.
 *
 * `bodyFrom`: from when on the body is surely true, on our clock; null: the body may not be used, because something else of
 * the object is known in the same second, or the event came late. A delete is told by its type, never by a flag.
 */
export function changesOf(event: StripeEvent, bodyFrom: string | null): Change[] {
  const { object, type } = event
  if (!object) return []
  const nested = nestedOf(object.collection)
  const hints = relatedHints(event)
  if (!nested) return hints
  const { collection, id, item } = object
  if (bodyFrom === null) return [hint(collection, id), ...hints]
  const whole = event.version === API_VERSION && !isCut(item.value, nested)
  if (isDelete(type)) {
    // a stub says nothing of the last state
    const body = whole && item.value['deleted'] !== true ? item : { raw: null }
    return [{ collection, id, ...body, deleted: true, observedAt: bodyFrom }]
  }
  if (!whole) return [hint(collection, id), ...hints]
  const change = { collection, id, raw: item.raw, value: item.value, observedAt: bodyFrom }
  const children = collection === 'subscription' ? itemsOf(item) : []
  return [change, ...children.map((child) => ({ ...child, observedAt: bodyFrom })), ...hints]
}

/** A canceled subscription is still there. */
function isDelete(type: string): boolean {
  return type.endsWith('.deleted') && type !== 'customer.subscription.deleted'
}

export function hint(collection: string, id: string): Change {
  return { collection, id, raw: null }
}

/** Objects that an event tells of besides its own: items that a subscription has lost, refunds of a charge. */
function relatedHints({ object, previous }: StripeEvent): Change[] {
  if (object?.collection === 'subscription') {
    const now = new Set(idsOf(object.item.value['items']))
    const gone = idsOf(previous?.['items']).filter((id) => !now.has(id))
    return gone.map((id) => hint('subscription_item', id))
  }
  if (object?.collection === 'charge') {
    return idsOf(object.item.value['refunds']).map((id) => hint('refund', id))
  }
  return []
}

/** Ids of the objects in an embedded list. */
function idsOf(list: unknown): string[] {
  const data = asObject(list)?.['data']
  if (!Array.isArray(data)) return []
  return data.flatMap((item) => asText(asObject(item)?.['id']) ?? [])
}

/** The events on a page of the list, oldest first. */
export function readEvents(body: Item): StripeEvent[] {
  const events = readItems(body, 'data').flatMap((item) => readEvent(item) ?? [])
  return events.reverse()
}
