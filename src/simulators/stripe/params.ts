import type { Form, FormValue } from '../kit/form.ts'
import { invalid, unknownParameter } from './errors.ts'
import type { Collection, Fields, Json } from './objects.ts'
import type { Ordinary } from './ordinary/ordinary.ts'
import { ordinaryNames, ordinaryOf, words } from './ordinary/ordinary.ts'

/** `map`: free keys to text. `texts`: a list of texts. `free`: nested, kept as sent. */
type Kind =
  | 'text'
  | 'integer'
  | 'number'
  | 'flag'
  | 'map'
  | 'texts'
  | 'free'
  | { hash: Params }
  | { each: Params }
export type Params = Record<string, Kind>

/** What a write takes: to create, what of it must be there, and to update. Null: there is no such call. */
type Write = { create: Params | null; required: string[]; update: Params | null }

const metadata: Params = { metadata: 'map' }
const noted: Params = { description: 'text', ...metadata }

const person: Params = {
  ...noted,
  address: 'free',
  balance: 'integer',
  email: 'text',
  invoice_prefix: 'text',
  name: 'text',
  next_invoice_sequence: 'integer',
  phone: 'text',
  preferred_locales: 'texts',
  shipping: 'free',
  tax_exempt: 'text',
}
const product: Params = {
  ...noted,
  active: 'flag',
  images: 'texts',
  name: 'text',
  shippable: 'flag',
  statement_descriptor: 'text',
  tax_code: 'text',
  unit_label: 'text',
  url: 'text',
}
const recurring: Params = { interval: 'text', interval_count: 'integer', usage_type: 'text' }
const item: Params = { price: 'text', quantity: 'integer', ...metadata }
const contract: Params = {
  ...noted,
  cancel_at: 'integer',
  cancel_at_period_end: 'flag',
  collection_method: 'text',
  days_until_due: 'integer',
  default_payment_method: 'text',
}
const bill: Params = {
  ...noted,
  auto_advance: 'flag',
  collection_method: 'text',
  days_until_due: 'integer',
  footer: 'text',
}
const position: Params = { ...noted, amount: 'integer', quantity: 'integer' }
const intent: Params = {
  ...noted,
  amount: 'integer',
  currency: 'text',
  customer: 'text',
  receipt_email: 'text',
  setup_future_usage: 'text',
}
const rate: Params = {
  ...noted,
  active: 'flag',
  country: 'text',
  display_name: 'text',
  jurisdiction: 'text',
  state: 'text',
  tax_type: 'text',
}

const own: Partial<Record<Collection, Write>> = {
  customer: { create: person, required: [], update: person },
  product: {
    create: { ...product, id: 'text', type: 'text' },
    required: ['name'],
    update: { ...product, default_price: 'text' },
  },
  price: {
    create: {
      ...metadata,
      active: 'flag',
      currency: 'text',
      lookup_key: 'text',
      nickname: 'text',
      product: 'text',
      recurring: { hash: recurring },
      tax_behavior: 'text',
      unit_amount: 'integer',
    },
    required: ['currency', 'product'],
    update: {
      ...metadata,
      active: 'flag',
      lookup_key: 'text',
      nickname: 'text',
      tax_behavior: 'text',
    },
  },
  coupon: {
    create: {
      ...metadata,
      amount_off: 'integer',
      currency: 'text',
      duration: 'text',
      duration_in_months: 'integer',
      id: 'text',
      max_redemptions: 'integer',
      name: 'text',
      percent_off: 'number',
      redeem_by: 'integer',
    },
    required: [],
    update: { ...metadata, name: 'text' },
  },
  promotion_code: {
    create: {
      ...metadata,
      active: 'flag',
      code: 'text',
      customer: 'text',
      expires_at: 'integer',
      max_redemptions: 'integer',
      promotion: { hash: { coupon: 'text', type: 'text' } },
    },
    required: ['promotion'],
    update: { ...metadata, active: 'flag' },
  },
  tax_rate: {
    create: { ...rate, inclusive: 'flag', percentage: 'number' },
    required: ['display_name', 'inclusive', 'percentage'],
    update: rate,
  },
  subscription: {
    create: { ...contract, customer: 'text', items: { each: item }, payment_behavior: 'text' },
    required: ['customer', 'items'],
    update: { ...contract, items: { each: { ...item, id: 'text', deleted: 'flag' } } },
  },
  subscription_item: {
    create: { ...item, subscription: 'text' },
    required: ['price', 'subscription'],
    update: item,
  },
  invoice: {
    create: {
      ...bill,
      currency: 'text',
      customer: 'text',
      pending_invoice_items_behavior: 'text',
      subscription: 'text',
    },
    required: ['customer'],
    update: bill,
  },
  invoiceitem: {
    create: { ...position, currency: 'text', customer: 'text', invoice: 'text' },
    required: ['customer'],
    update: position,
  },
  charge: {
    create: {
      ...noted,
      amount: 'integer',
      currency: 'text',
      customer: 'text',
      receipt_email: 'text',
      source: 'text',
    },
    required: ['amount', 'currency'],
    update: { ...noted, customer: 'text', receipt_email: 'text', transfer_group: 'text' },
  },
  payment_intent: {
    create: {
      ...intent,
      automatic_payment_methods: 'free',
      capture_method: 'text',
      confirm: 'flag',
      payment_method: 'text',
      payment_method_types: 'texts',
    },
    required: ['amount', 'currency'],
    update: intent,
  },
  refund: {
    create: {
      ...metadata,
      amount: 'integer',
      charge: 'text',
      payment_intent: 'text',
      reason: 'text',
    },
    required: [],
    update: metadata,
  },
  dispute: {
    create: null,
    required: [],
    update: { ...metadata, evidence: 'free', submit: 'flag' },
  },
  payout: {
    create: { ...noted, amount: 'integer', currency: 'text', method: 'text' },
    required: ['amount', 'currency'],
    update: metadata,
  },
  balance_transaction: { create: null, required: [], update: null },
}

export const writes = {
  ...own,
  ...Object.fromEntries(ordinaryNames.map((name) => [name, noteOnly(ordinaryOf(name)!)])),
} as Record<Collection, Write>

/** Ordinary objects are made by their own life; by request only their notes are changed. */
function noteOnly({ shape }: Ordinary): Write {
  const noted = words(shape).some(([name, kind]) => name === 'metadata' && kind === 'map')
  return { create: null, required: [], update: noted ? metadata : null }
}

/** Parameters with the types of the object's fields. Throws 400 for unknown, missing or badly written ones. */
export function readParams(form: Form, params: Params, required: string[]): Fields {
  for (const name of required) {
    if (form[name] === undefined) {
      throw invalid(`Missing required param: ${name}.`, name, 'parameter_missing')
    }
  }
  return readHash(form, params, '')
}

function readHash(form: Form, params: Params, parent: string): Fields {
  const fields: Fields = {}
  for (const [key, value] of Object.entries(form)) {
    const name = parent === '' ? key : `${parent}[${key}]`
    const kind = params[key]
    if (kind === undefined) throw unknownParameter(name)
    fields[key] = readValue(value, kind, name)
  }
  return fields
}

function readValue(value: FormValue, kind: Kind, name: string): Json {
  if (typeof kind === 'object') {
    if ('hash' in kind) return value === '' ? null : readHash(hash(value, name), kind.hash, name)
    if (!Array.isArray(value)) throw invalid('Invalid array', name)
    return value.map((each, index) => readHash(hash(each, name), kind.each, `${name}[${index}]`))
  }
  if (kind === 'free') return value === '' ? null : value
  if (kind === 'map') return value === '' ? {} : hash(value, name)
  if (kind === 'texts') return value === '' ? [] : Array.isArray(value) ? value : [value]
  if (typeof value !== 'string') throw invalid('Invalid string', name)
  if (value === '') return null
  if (kind === 'text') return value
  if (kind === 'integer') {
    if (/^-?\d+$/.test(value)) return Number(value)
    throw invalid(`Invalid integer: ${value}`, name, 'parameter_invalid_integer')
  }
  if (kind === 'number') {
    if (Number.isFinite(Number(value))) return Number(value)
    throw invalid(`Invalid decimal: ${value}`, name)
  }
  if (value === 'true' || value === 'false') return value === 'true'
  throw invalid(`Invalid boolean: ${value}`, name)
}

function hash(value: FormValue, name: string): Form {
  if (typeof value === 'string' || Array.isArray(value)) throw invalid('Invalid object', name)
  return value
}
