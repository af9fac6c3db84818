import type { Account } from './account.ts'
import type { Collection, Fields, Json, StripeObject } from './objects.ts'
import { embedded, specs } from './objects.ts'
import type { Ordinary } from './ordinary/ordinary.ts'
import { eventsOf, ordinaryOf } from './ordinary/ordinary.ts'
import { wire } from './render.ts'

const retentionS = 30 * 86_400

/**
 * Emits `type` with a snapshot of `value`, rendered at the account's own version. `previous`: old values of what changed.
 * What happened longer than 30 days ago leaves no event.
 */
export function emit(
  account: Account,
  type: string,
  value: StripeObject,
  previous: Fields | null = null,
): void {
  const { random, settings } = account
  const nowMs = account.now()
  const created = account.seconds()
  if (created < nowMs / 1000 - retentionS) return
  const past = created < Math.floor(nowMs / 1000)
  const twins = settings.twinProbability > 0 && random.chance(settings.twinProbability) ? 2 : 1
  for (let twin = 0; twin < twins; twin++) {
    const id = account.newId('evt_', 24)
    const event = {
      id,
      object: 'event',
      api_version: settings.apiVersion,
      created,
      data: {
        object: wire(value, settings.apiVersion),
        ...(previous === null ? {} : { previous_attributes: previous }),
      },
      livemode: account.livemode,
      pending_webhooks: 0,
      request: { ...account.cause },
      type,
    }
    const visibleAt = past
      ? created * 1000
      : nowMs + Math.floor(random.next() * settings.visibilityDelayMs)
    account.addEvent({ id, created, visibleAt, type, text: JSON.stringify(event) })
  }
}

/** Types of the events that an update of `collection` causes; often none. */
export function updateEvents(
  collection: Collection,
  before: StripeObject,
  after: StripeObject,
): string[] {
  const status = before.status === after.status ? null : (after.status as string)
  if (collection === 'refund') {
    const failed = status === 'failed' ? ['refund.failed'] : []
    return ['refund.updated', 'charge.refund.updated', ...failed]
  }
  const ordinary = ordinaryOf(collection)
  const names = ordinary
    ? actionsOf(ordinary, status)
    : (onUpdate[collection]?.(before, after, status) ?? ['updated'])
  return names.map((name) => `${specs[collection].events}.${name}`)
}

/** What an ordinary collection says of a change: `updated` where it has that, and the name of a new status. */
function actionsOf(ordinary: Ordinary, newStatus: string | null): string[] {
  const actions = eventsOf(ordinary)?.actions ?? []
  const named =
    newStatus === null ? [] : [newStatus, `${newStatus}d`, ...(statusWords[newStatus] ?? [])]
  return actions.filter((action) => action === 'updated' || named.includes(action))
}

const statusWords: Record<string, string[]> = {
  open: ['finalized'],
  void: ['voided'],
  active: ['activated', 'reactivated'],
  inactive: ['deactivated'],
}

type Names = (before: StripeObject, after: StripeObject, newStatus: string | null) => string[]

/** Where an update is told by more or less than `updated`. `newStatus` is null when the status stays. */
const onUpdate: Partial<Record<Collection, Names>> = {
  balance_transaction: () => [],
  subscription_item: () => [],
  invoiceitem: () => [],
  payment_intent: (_before, _after, status) => intentEvents[status ?? ''] ?? [],
  subscription: (_before, _after, status) => {
    if (status === 'canceled') return ['deleted']
    return status === 'paused' ? ['paused', 'updated'] : ['updated']
  },
  invoice: (_before, _after, status) => ['updated', ...(invoiceEvents[status ?? ''] ?? [])],
  charge: (before, after) => [chargeEvent(before, after)],
  dispute: (_before, _after, status) => [closedDispute.has(status ?? '') ? 'closed' : 'updated'],
  payout: (before, after, status) => [
    'updated',
    ...(['paid', 'failed', 'canceled'].includes(status ?? '') ? [status!] : []),
    ...(before.reconciliation_status !== after.reconciliation_status &&
    after.reconciliation_status === 'completed'
      ? ['reconciliation_completed']
      : []),
  ],
}

const intentEvents: Record<string, string[]> = {
  succeeded: ['succeeded'],
  canceled: ['canceled'],
  processing: ['processing'],
  requires_action: ['requires_action'],
  requires_payment_method: ['payment_failed'],
  requires_capture: ['amount_capturable_updated'],
}
const invoiceEvents: Record<string, string[]> = {
  open: ['finalized'],
  paid: ['paid', 'payment_succeeded'],
  void: ['voided'],
  uncollectible: ['marked_uncollectible'],
}
const closedDispute = new Set(['won', 'lost', 'warning_closed'])

function chargeEvent(before: StripeObject, after: StripeObject): string {
  if (before.amount_refunded !== after.amount_refunded) return 'refunded'
  if (before.status !== after.status) return after.status as string
  if (before.captured !== after.captured) return 'captured'
  return 'updated'
}

/** Old values of the keys of `after` that changed, as an event shows them. Empty: nothing changed. */
export function previousAttributes(before: StripeObject, after: StripeObject): Fields {
  const previous: Fields = {}
  for (const [key, value] of Object.entries(after)) {
    const old = before[key] ?? null
    if (old === value || JSON.stringify(old) === JSON.stringify(value)) continue
    previous[key] = key === 'metadata' ? changedKeys(old, value) : old
  }
  const list = embedded[before.object]
  if (list !== undefined && previous[list] !== undefined)
    previous[list] = wire(before, '9999')[list]!
  return previous
}

function changedKeys(old: Json, now: Json): Fields {
  const before = (old ?? {}) as Fields
  const after = (now ?? {}) as Fields
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return Object.fromEntries(
    keys.filter((key) => before[key] !== after[key]).map((key) => [key, before[key] ?? null]),
  )
}
