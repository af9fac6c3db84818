import type { Account } from './account.ts'
import type { Collection } from './objects.ts'
import { childrenOf, collections } from './objects.ts'
import { shownEndpoints } from './webhooks.ts'
import { pretty, shown } from './render.ts'

/**
 * Every live object as by id, with embedded lists complete; subscription items out of their subscriptions. Deleted ones
 * are absent, canceled subscriptions are not. By id, or `parent/id` where the API has no use for the id alone.
 */
export function snapshot(
  account: Account,
  only?: Shown,
): Partial<Record<Shown, Record<string, string>>> {
  const wanted = only === undefined ? [...collections, 'webhook_endpoint' as const] : [only]
  return Object.fromEntries(wanted.map((name) => [name, textsOf(account, name)]))
}

/** Webhook endpoints are listed like objects, and are none of the account's tables. */
export type Shown = Collection | 'webhook_endpoint'

function textsOf(account: Account, collection: Shown): Record<string, string> {
  const texts: Record<string, string> = {}
  if (collection === 'webhook_endpoint') return shownEndpoints(account)
  if (collection === 'subscription_item') {
    for (const { value } of account.tables.subscription.rows()) {
      for (const item of childrenOf(value)) texts[item.id] = pretty(item)
    }
    return texts
  }
  for (const { id, value } of account.tables[collection].rows()) texts[id] = pretty(shown(value))
  return texts
}
