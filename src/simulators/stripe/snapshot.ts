import type { Account } from './account.ts'
import type { Collection } from './objects.ts'
import { childrenOf, collections } from './objects.ts'
import { pretty } from './render.ts'

/**
 * Every live object as by id, with embedded lists complete; subscription items out of their subscriptions. Deleted ones
 * are absent, canceled subscriptions are not.
 */
export function snapshot(
  account: Account,
  only?: Collection,
): Partial<Record<Collection, Record<string, string>>> {
  const wanted = only === undefined ? collections : [only]
  return Object.fromEntries(wanted.map((name) => [name, textsOf(account, name)]))
}

function textsOf(account: Account, collection: Collection): Record<string, string> {
  const texts: Record<string, string> = {}
  if (collection === 'subscription_item') {
    for (const { value } of account.tables.subscription.rows()) {
      for (const item of childrenOf(value)) texts[item.id] = pretty(item)
    }
    return texts
  }
  for (const { id, value } of account.tables[collection].rows()) texts[id] = pretty(value)
  return texts
}
