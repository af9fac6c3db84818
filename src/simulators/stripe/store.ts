import type { Account } from './account.ts'
import { emit, previousAttributes, updateEvents } from './events.ts'
import type { Fields, Stored, StripeObject } from './objects.ts'

/** Writes `after` in the place of `before` and emits, if there is a difference. */
export function store(
  account: Account,
  collection: Stored,
  before: StripeObject,
  after: StripeObject,
): StripeObject {
  const previous = previousAttributes(before, after)
  if (Object.keys(previous).length === 0) return before
  if (typeof before.updated === 'number') {
    previous.updated = before.updated
    after.updated = account.seconds()
  }
  account.put(collection, after)
  for (const type of updateEvents(collection, before, after)) {
    emit(account, type, after, type.endsWith('.deleted') ? null : previous)
  }
  return after
}

export function withItems(subscription: StripeObject, data: StripeObject[]): StripeObject {
  return { ...subscription, items: { ...(subscription.items as Fields), data } }
}

/** The invoice with these lines and the sums of them. */
export function withLines(invoice: StripeObject, data: StripeObject[]): StripeObject {
  const total = data.reduce((sum, line) => sum + (line.amount as number), 0)
  return {
    ...invoice,
    amount_due: total,
    amount_remaining: total,
    lines: { ...(invoice.lines as Fields), data },
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
  }
}
