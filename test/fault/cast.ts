/** Who takes part: accounts, the syncs of each, and what they read. */
export const accountNames = ['one', 'two'] as const
export type AccountName = (typeof accountNames)[number]

/** `first` and `second` share the credential of account one; `fourth` is deleted and made anew now and then. */
export const syncNames = ['first', 'second', 'third', 'fourth'] as const
export type SyncName = (typeof syncNames)[number]

export const accountOf: Record<SyncName, AccountName> = {
  first: 'one',
  second: 'one',
  third: 'two',
  fourth: 'two',
}

export const streamOf: Record<SyncName, string> = {
  first: 'default',
  second: 'default',
  third: 'default',
  fourth: 'other',
}

const selling = ['customer', 'subscription', 'subscription_item', 'invoice', 'invoiceitem']
const paying = ['charge', 'payment_intent', 'refund', 'dispute', 'payout', 'balance_transaction']
const catalog = ['product', 'price', 'coupon', 'promotion_code', 'tax_rate']

export const collectionsOf: Record<SyncName, string[]> = {
  first: [...selling, 'coupon'],
  second: [...paying, ...catalog],
  third: [...selling, ...paying],
  fourth: catalog,
}

/** Requests in a second, for all traffic of the account's credential; null: what the connector says (a sandbox: 20). */
export const rateOf: Record<AccountName, number | null> = { one: null, two: 12 }

/** Below these paths only this sync of its account asks. */
export function pathsOf(sync: SyncName): string[] {
  const others = syncNames.filter((one) => one !== sync && accountOf[one] === accountOf[sync])
  const shared = new Set(others.flatMap((one) => collectionsOf[one]))
  return collectionsOf[sync].filter((name) => !shared.has(name)).map((name) => `/v1/${name}s`)
}
