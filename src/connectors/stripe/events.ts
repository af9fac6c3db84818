import { member } from '../../domain/rawJson.ts'
import type { Change } from '../connector.ts'
import { asObject, asText, readItems, type Item } from '../kit/answer.ts'
import { childrenIn, nestedOf, rereadAfter } from './collections.ts'
import { isWhole } from './nested.ts'

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
  /** What it is about, `customer cus_1`; null: an object that has no id, and no customer to tell it by (`invoice.upcoming`). */
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
  const name = asText(value?.['object'])
  const text = member(raw, ['data', 'object'])
  if (!value || name === null || text === undefined) return null
  const place = placeOf(name, value)
  return place && { ...place, item: { raw: text, value } }
}

/** The collection of an object, and its id there. */
function placeOf(object: string, value: Record<string, unknown>) {
  const [id, customer] = [asText(value['id']), asText(value['customer'])]
  if (object === 'entitlements.active_entitlement_summary') {
    return customer === null ? null : { collection: object.replaceAll('.', '_'), id: customer }
  }
  if (id === null) return null
  if (['card', 'bank_account', 'source'].includes(object)) {
    return customer === null ? null : { collection: 'customer_source', id: `${customer}/${id}` }
  }
  if (object === 'customer_cash_balance_transaction') {
    return customer === null ? null : { collection: object, id: `${customer}/${id}` }
  }
  if (object === 'tax_id' && customer !== null) return { collection: 'customer_tax_id', id }
  return { collection: object.replaceAll('.', '_'), id }
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
  const whole = event.version === API_VERSION && isWhole(item.value, nested)
  if (isDelete(type)) {
    // a stub says nothing of the last state
    const body = whole && item.value['deleted'] !== true ? item : { raw: null }
    return [{ collection, id, ...body, deleted: true, observedAt: bodyFrom }]
  }
  if (!whole) return [hint(collection, id), ...hints]
  const change = { collection, id, raw: item.raw, value: item.value, observedAt: bodyFrom }
  const children = childrenIn(collection, item)
  return [change, ...children.map((child) => ({ ...child, observedAt: bodyFrom })), ...hints]
}

/** A canceled subscription is still there. */
function isDelete(type: string): boolean {
  return type.endsWith('.deleted') && type !== 'customer.subscription.deleted'
}

export function hint(collection: string, id: string): Change {
  return { collection, id, raw: null }
}

/** Objects that an event tells of besides its own. */
function relatedHints({ type, object, previous }: StripeEvent): Change[] {
  if (!object) return []
  const { collection, id } = object
  const { value } = object.item
  const anew = isDelete(type) ? [] : rereadAfter({ type, collection, value, previous })
  return [
    ...anew.map((name) => hint(name, `${id}/`)),
    ...(related[collection]?.(value, previous) ?? []),
  ]
}

type Related = (value: Record<string, unknown>, previous: StripeEvent['previous']) => Change[]

const related: Record<string, Related> = {
  // items that it has lost
  subscription: (value, previous) => {
    const now = new Set(idsOf(value['items']))
    const lost = idsOf(previous?.['items']).filter((id) => !now.has(id))
    return lost.map((id) => hint('subscription_item', id))
  },
  charge: ({ refunds }) => idsOf(refunds).map((id) => hint('refund', id)),
  fee_refund: ({ fee }) => hintAt('application_fee', fee),
  discount: ({ customer, subscription }) => [
    ...hintAt('customer', customer),
    ...hintAt('subscription', subscription),
  ],
}

function hintAt(collection: string, id: unknown): Change[] {
  return asText(id) === null ? [] : [hint(collection, String(id))]
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
