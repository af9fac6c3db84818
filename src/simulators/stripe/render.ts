import type { Row } from './account.ts'
import type { Fields, Json, ListObject, StripeObject } from './objects.ts'
import { embedded } from './objects.ts'

/** Embedded lists show so many. */
const embeddedMax = 10
/** First version of today's shapes of subscriptions, invoices and discounts. */
const modern = '2025-03-31'

/** Object as a request or an event shows it: embedded lists cut at 10, shape of `version`. Nothing is copied needlessly. */
export function wire(value: StripeObject, version: string): StripeObject {
  const shaped = version < modern ? legacy(shown(value)) : shown(value)
  const field = embedded[value.object]
  return field === undefined ? shaped : { ...shaped, [field]: cut(shaped[field]) }
}

/** Without what only the provider knows. */
export function shown(value: StripeObject): StripeObject {
  if (value['_parent'] === undefined && value['_cash_balance'] === undefined) return value
  const { _parent, _cash_balance, ...rest } = value
  return rest
}

export function cut(list: Json | undefined): Fields {
  const whole = list as ListObject
  if (whole.data.length <= embeddedMax) return whole
  return { ...whole, data: whole.data.slice(0, embeddedMax), has_more: true }
}

/** JSON text of a row by id, in today's version. */
export function textOf(row: Row, version: string): string {
  if (version < modern) return pretty(wire(row.value, version))
  if (row.text === null) row.text = pretty(wire(row.value, version))
  return row.text
}

/** The same, indented as in a list, as bytes: a page of cached rows is nothing but copying. */
export function listTextOf(row: Row, version: string): Buffer {
  if (version < modern) return Buffer.from(inList(pretty(wire(row.value, version))))
  if (row.listText === null) row.listText = Buffer.from(inList(pretty(wire(row.value, version))))
  return row.listText
}

/** As the provider prints JSON: two spaces. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

/** Line breaks stand only between tokens: those inside strings are escaped. */
export function inList(text: string): string {
  return text.replaceAll('\n', '\n    ')
}

const listHead = Buffer.from('{\n  "object": "list",\n  "data": [')
const before = Buffer.from('\n    ')
const between = Buffer.from(',\n    ')
const after = Buffer.from('\n  ')

/** A whole list answer from objects that are indented already. */
export function listText(objects: (Buffer | string)[], hasMore: boolean, url: string): Buffer {
  const parts: Buffer[] = [listHead]
  for (const [index, object] of objects.entries()) {
    parts.push(
      index === 0 ? before : between,
      typeof object === 'string' ? Buffer.from(object) : object,
    )
  }
  if (objects.length > 0) parts.push(after)
  parts.push(Buffer.from(`],\n  "has_more": ${hasMore},\n  "url": ${JSON.stringify(url)}\n}\n`))
  return Buffer.concat(parts)
}

/** Shapes before 2025-03-31 (basil), where they differ most. */
function legacy(value: StripeObject): StripeObject {
  if (value.object === 'subscription') {
    const first = (value.items as unknown as ListObject).data[0]
    const { discounts, ...rest } = value
    return {
      ...rest,
      current_period_end: first?.current_period_end ?? null,
      current_period_start: first?.current_period_start ?? null,
      discount: (discounts as Json[] | undefined)?.[0] ?? null,
    }
  }
  if (value.object === 'invoice') {
    const { parent, ...rest } = value
    const details = (parent as Fields | null)?.subscription_details as Fields | null | undefined
    return {
      ...rest,
      charge: null,
      paid: value.status === 'paid',
      payment_intent: null,
      quote: null,
      subscription: details?.subscription ?? null,
      subscription_details: { metadata: details?.metadata ?? null },
    }
  }
  if (value.object === 'promotion_code') {
    const { promotion, ...rest } = value
    return { ...rest, coupon: (promotion as Fields).coupon ?? null }
  }
  return value
}
