import { createHmac } from 'node:crypto'
import { createManualClock } from '../../simulators/kit/clock.ts'
import type { Collection, Fields } from '../../simulators/stripe/objects.ts'
import { keyOf } from '../../simulators/stripe/objects.ts'
import { deletable, madeAlong, noted } from '../../simulators/stripe/ordinary/life.ts'
import { createStripeSimulator, type StripeSimulator } from '../../simulators/stripe/simulator.ts'
import { conformance } from '../conformance/conformance.ts'
import type { Fault, Upstream } from '../conformance/target.ts'
import { stripe } from './index.ts'

conformance({ connector: stripe, open, skips: {} })

/** What the simulator's own Stripe announces about a change, in each collection; others change in silence. */
const changeOf: Record<string, (round: number) => Fields> = {
  customer: (round) => ({ email: `person-${round}@example.test` }),
  product: (round) => ({ name: `Product ${round}` }),
  price: (round) => ({ nickname: `Price ${round}` }),
  coupon: (round) => ({ name: `Coupon ${round}` }),
  promotion_code: (round) => ({ active: round % 2 === 0 }),
  subscription: (round) => ({ description: `Subscription ${round}` }),
  invoice: (round) => ({ description: `Invoice ${round}` }),
  charge: (round) => ({ description: `Charge ${round}` }),
  refund: (round) => ({ reason: round % 2 === 0 ? 'duplicate' : 'fraudulent' }),
  dispute: (round) => ({ reason: round % 2 === 0 ? 'general' : 'fraudulent' }),
  payout: (round) => ({ description: `Payout ${round}` }),
  tax_rate: (round) => ({ display_name: `Tax ${round}` }),
  ...Object.fromEntries(
    noted.map((name) => [name, (round: number) => ({ metadata: { round: String(round) } })]),
  ),
}

/** One of each kind: a list with ranges and one without, one inside others, one for each parent, by parent and id. */
const thorough = [
  'customer',
  'subscription',
  'invoice',
  'invoiceitem',
  'payment_method',
  'tax_code',
  'customer_source',
  'customer_tax_id',
  'customer_balance_transaction',
  'setup_attempt',
  'treasury_transaction',
]

async function open(): Promise<Upstream> {
  const clock = createManualClock(Date.parse('2026-11-24T06:00:00Z'))
  const simulator = createStripeSimulator({ now: clock.now })
  const listening = await simulator.listen()
  let round = 0
  return {
    baseUrl: listening.url,
    credential: { kind: 'stripe_key', properties: { secret: simulator.keys.secret } },
    without: (collection) => ({ secret: simulator.keys.restricted([collection]) }),
    nameless: () => ({ secret: simulator.keys.restricted(['account']) }),
    revoked: () => revoked(simulator),
    account: { id: simulator.accountId, livemode: false },
    clock,
    creatable: stored(),
    thorough,
    create: (collection) => {
      const name = collection as Collection
      return keyOf(name, simulator.create(name))
    },
    announced: Object.keys(changeOf),
    change: (collection, id) => {
      simulator.update(collection as Collection, id, changeOf[collection]!(++round))
    },
    removable: ['customer', 'product', 'price', 'coupon', 'invoiceitem', ...deletable],
    remove: (collection, id) => simulator.remove(collection as Collection, id),
    vanish: (collection, id) => simulator.remove(collection as Collection, id, { silently: true }),
    objects: (collection) =>
      simulator.snapshot(collection as Collection)[collection as Collection]!,
    inject: (body, member) =>
      body.replaceAll(/"object": "(?!list)[a-z_.]+",/g, (own) => `${own} ${member},`),
    lateBy: (ms) => {
      simulator.settings.visibilityDelayMs = ms
    },
    oldEvents: () => {
      simulator.settings.apiVersion = '2022-11-15'
    },
    fault: (fault: Fault) => simulator.faults.add(fault),
    requests: () => simulator.log,
    webhook,
    close: async () => {
      await listening.close()
      simulator.close()
    },
  }
}

function stored(): string[] {
  const byTheWay = ['subscription_item', 'webhook_endpoint', ...madeAlong]
  return Object.keys(stripe.collections).filter((name) => !byTheWay.includes(name))
}

function revoked(simulator: StripeSimulator) {
  const secret = simulator.keys.restricted([])
  simulator.keys.revoke(secret)
  return { secret }
}

function webhook(collection: string, id: string, atMs: number) {
  const second = Math.floor(atMs / 1000)
  const event = {
    id: 'evt_1',
    object: 'event',
    type: 'any',
    created: second,
    data: { object: { id, object: collection } },
  }
  const body = new TextEncoder().encode(JSON.stringify(event))
  const secret = 'whsec_conformance'
  const signature = createHmac('sha256', secret).update(`${second}.`).update(body).digest('hex')
  return { headers: { 'stripe-signature': `t=${second},v0=00,v1=${signature}` }, body, secret }
}
