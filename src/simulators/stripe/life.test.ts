import { expect, test } from 'vitest'
import { createManualClock } from '../kit/clock.ts'
import { openAccount } from './account.ts'
import type { Account } from './account.ts'
import { step } from './life.ts'
import type { Own, Stored, StripeObject } from './objects.ts'
import { own, storedCollections } from './objects.ts'
import { announced } from './ordinary/life.ts'
import { wire } from './render.ts'
import { seedAccount } from './seed.ts'
import { createStripeSimulator } from './simulator.ts'

const { settings } = createStripeSimulator()

function living(seed: number): { account: Account; clock: ReturnType<typeof createManualClock> } {
  const clock = createManualClock(Date.UTC(2026, 10, 24))
  const account = openAccount({
    seed,
    accountId: null,
    livemode: false,
    now: clock.now,
    dir: null,
    settings,
  })
  return { account, clock }
}

test('an account left to itself changes every collection, from nothing too', () => {
  const { account, clock } = living(13)
  for (let turn = 0; turn < 3600; turn++) {
    step(account)
    clock.advance(300)
  }
  for (const name of own.filter((one) => one !== 'subscription_item')) {
    expect(account.tables[name].size, name).toBeGreaterThan(3)
  }
  for (const name of announced) expect(account.tables[name].size, name).toBeGreaterThan(0)
  const types = new Set(account.events.rows().map(({ type }) => type))
  for (const type of [
    'customer.deleted',
    'invoice.paid',
    'charge.refunded',
    'customer.subscription.deleted',
  ]) {
    expect(types).toContain(type)
  }
})

/** Collections in which some changes are told by no event at all. */
const silent = new Set<string>([
  'balance_transaction',
  'payment_intent',
  'invoiceitem',
  'subscription_item',
])

test('replaying the events in their order gives the account, but for what the provider keeps silent', () => {
  const { account, clock } = living(4)
  seedAccount(account, 600)
  const copy = new Map<string, StripeObject>()
  for (const name of storedCollections) {
    for (const { id, value } of account.tables[name].rows())
      copy.set(`${name} ${id}`, wire(value, '9999'))
  }
  const { seq: from } = account.events
    .rows()
    .reduce((last, row) => (row.seq > last.seq ? row : last))
  for (let turn = 0; turn < 1500; turn++) {
    step(account)
    clock.advance(200)
  }
  for (const row of account.events.rows()) {
    if (row.seq <= from) continue
    const { object } = (JSON.parse(row.text) as { data: { object: StripeObject } }).data
    const key = `${object.object} ${object.id}`
    if (row.type.endsWith('.deleted') && row.type !== 'customer.subscription.deleted')
      copy.delete(key)
    else copy.set(key, object)
  }
  for (const name of own.filter((each): each is Stored & Own => !silent.has(each))) {
    const expected = Object.fromEntries(
      account.tables[name as Stored].rows().map(({ id, value }) => [id, wire(value, '9999')]),
    )
    const found = Object.fromEntries(
      [...copy].filter(([key]) => key.startsWith(`${name} `)).map(([, value]) => [value.id, value]),
    )
    expect(found, name).toEqual(expected)
  }
})
