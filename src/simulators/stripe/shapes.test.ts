import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Collection, Own, StripeObject } from './objects.ts'
import { collections } from './objects.ts'
import { ordinaryOf } from './ordinary/ordinary.ts'
import { createStripeSimulator } from './simulator.ts'

/** File and interface in the types that the official SDK ships. */
const declared: Record<Own, [file: string, name: string]> = {
  customer: ['Customers', 'Customer'],
  product: ['Products', 'Product'],
  price: ['Prices', 'Price'],
  coupon: ['Coupons', 'Coupon'],
  promotion_code: ['PromotionCodes', 'PromotionCode'],
  tax_rate: ['TaxRates', 'TaxRate'],
  subscription: ['Subscriptions', 'Subscription'],
  subscription_item: ['SubscriptionItems', 'SubscriptionItem'],
  invoice: ['Invoices', 'Invoice'],
  invoiceitem: ['InvoiceItems', 'InvoiceItem'],
  charge: ['Charges', 'Charge'],
  payment_intent: ['PaymentIntents', 'PaymentIntent'],
  refund: ['Refunds', 'Refund'],
  dispute: ['Disputes', 'Dispute'],
  payout: ['Payouts', 'Payout'],
  balance_transaction: ['BalanceTransactions', 'BalanceTransaction'],
}

test('every object has all fields that the SDK declares as present, and none that it does not know', () => {
  const simulator = createStripeSimulator({ seed: 8 })
  simulator.seedAccount(800)
  for (const collection of collections) {
    const { required, known } = fieldsOf(...declarationOf(collection))
    for (const text of Object.values(simulator.snapshot(collection)[collection]!)) {
      const value = JSON.parse(text) as StripeObject
      expect(Object.keys(value), collection).toEqual(expect.arrayContaining(required))
      expect(known, collection).toEqual(expect.arrayContaining(Object.keys(value)))
      expect(value.object, collection).toBe(ordinaryOf(collection)?.noun ?? collection)
    }
  }
})

function declarationOf(collection: Collection): [file: string, name: string] {
  const ordinary = ordinaryOf(collection)
  if (ordinary === null) return declared[collection as Own]
  const [file = '', name = ''] = ordinary.declared.split(':')
  return [file, name]
}

function fieldsOf(file: string, name: string): { required: string[]; known: string[] } {
  const path = new URL(`resources/${file}.d.ts`, import.meta.resolve('stripe'))
  const source = readFileSync(path, 'utf8').replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
  const [, indent = '', body = ''] =
    source.match(new RegExp(`^( *)export interface ${name} \\{([\\s\\S]*?)\\n\\1\\}`, 'm')) ?? []
  const fields = [...body.matchAll(new RegExp(`^${indent} {4}(\\w+)(\\??): `, 'gm'))]
  return {
    known: fields.map(([, field]) => field!),
    required: fields.filter(([, , optional]) => optional === '').map(([, field]) => field!),
  }
}
