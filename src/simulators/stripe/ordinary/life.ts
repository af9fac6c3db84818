import type { Account } from '../account.ts'
import { remove, update } from '../change.ts'
import { some } from '../lifecycle.ts'
import { makers } from '../make.ts'
import type { Fields, StripeObject } from '../objects.ts'
import { createdOf, keyOf } from '../objects.ts'
import type { OrdinaryName } from './ordinary.ts'
import { eventsOf, ordinary, ordinaryNames, ordinaryOf, words } from './ordinary.ts'

/** Made by the way, or told of by the object that they change. */
const toldByOthers: OrdinaryName[] = [
  'customer_balance_transaction',
  'setup_attempt',
  'financial_connections_transaction',
  'entitlements_active_entitlement',
]

const actionsOf = (name: OrdinaryName) => eventsOf(ordinary[name])?.actions ?? []

/** Ordinary collections in which a new object is told of. */
export const announced = ordinaryNames.filter(
  (name) =>
    toldByOthers.includes(name) ||
    ['created', 'attached', 'opened'].some((action) => actionsOf(name).includes(action)),
)

/** Those whose notes can be changed, which is told of. */
export const noted = ordinaryNames.filter(
  (name) =>
    actionsOf(name).includes('updated') &&
    words(ordinary[name].shape).some(([field, kind]) => field === 'metadata' && kind === 'map'),
)

/** Those whose deletes are told of. */
export const deletable = ordinaryNames.filter(
  (name) => ordinaryOf(name)!.deletable && actionsOf(name).includes('deleted'),
)

/** New statuses that are told of, by collection. */
const statuses: Partial<Record<OrdinaryName, Fields[]>> = {
  checkout_session: [{ status: 'complete', payment_status: 'paid' }, { status: 'expired' }],
  quote: [{ status: 'open' }, { status: 'accepted' }, { status: 'canceled' }],
  topup: [{ status: 'succeeded' }, { status: 'failed' }],
  setup_intent: [{ status: 'succeeded' }, { status: 'canceled' }],
  subscription_schedule: [{ status: 'completed' }, { status: 'released' }],
  identity_verification_session: [{ status: 'processing' }, { status: 'verified' }],
}

/** Things that happen in ordinary collections, none of them in silence. */
export const ordinaryHappenings: Record<string, (account: Account) => void> = {
  ordinaryNew: (account) => makers[account.random.pick(announced)](account, {}),
  ordinaryNoted: (account) =>
    withSome(account, account.random.pick(noted), (name, key) =>
      update(account, name, key, { metadata: { note: account.random.text(6) } }),
    ),
  ordinaryMoves: (account) => {
    const name = account.random.pick(Object.keys(statuses) as OrdinaryName[])
    withSome(account, name, (_name, key) =>
      update(account, name, key, account.random.pick(statuses[name]!)),
    )
  },
  ordinaryDeleted: (account) =>
    withSome(account, account.random.pick(deletable), (name, key) => remove(account, name, key)),
}

/** True: with it would go what Stripe tells nobody of. */
export function leavesSilently(account: Account, { id }: StripeObject): boolean {
  return silentChildren.some(([name, field]) =>
    account.tables[name].rows().some(({ value }) => value[field] === id),
  )
}

const silentChildren: [OrdinaryName, string][] = [
  ['customer_balance_transaction', 'customer'],
  ['customer_cash_balance_transaction', 'customer'],
  ['entitlements_active_entitlement', '_parent'],
  ['product_feature', '_parent'],
]

/** Shares of a seeded account; of what is not named there are a few. */
export const ordinaryShares: Partial<Record<OrdinaryName, number>> = {
  payment_method: 0.02,
  setup_intent: 0.01,
  checkout_session: 0.008,
  customer_source: 0.008,
  customer_tax_id: 0.004,
  customer_balance_transaction: 0.008,
  invoice_payment: 0.01,
  credit_note: 0.004,
  quote: 0.002,
  subscription_schedule: 0.003,
  transfer: 0.003,
  plan: 0.002,
}

/** Made along with their parents. */
export const madeAlong: OrdinaryName[] = [
  'quote_line_item',
  'checkout_session_line_item',
  'payment_link_line_item',
]

/** Fields of a new object of the past: after its customer, where it has one. */
export function pastOf(
  account: Account,
  name: OrdinaryName,
  times: { any(): number; after(second: number): number },
): { second: number; fields: Fields } {
  const isOnes = words(ordinary[name].shape).some(([, kind]) => kind === '@customer')
  const customer = isOnes ? some(account, 'customer') : null
  if (customer === null) return { second: times.any(), fields: {} }
  return { second: times.after(createdOf(customer)), fields: { customer: customer.id } }
}

function withSome(
  account: Account,
  name: OrdinaryName,
  act: (name: OrdinaryName, key: string) => void,
): void {
  const value = some(account, name)
  if (value !== null) act(name, keyOf(name, value))
}
