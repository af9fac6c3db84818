import type { Account } from '../account.ts'
import type { Fields, StripeObject } from '../objects.ts'

const given = [
  'Ada',
  'Björn',
  'Chloé',
  'Dmitri',
  'Elif',
  'Fátima',
  'Grace',
  'Hiro',
  'Ines',
  'João',
  'Kwame',
  'Lena',
  'Miguel',
  'Nora',
  'Olu',
  'Priya',
  'Quentin',
  'Rosa',
  'Søren',
  'Tariq',
  'Uma',
  'Víctor',
  'Wen',
  'Yara',
  'Zoë',
]
const family = [
  'Abbott',
  'Brandt',
  'Castillo',
  'Dubois',
  'Eriksen',
  'Fontaine',
  'García',
  'Haddad',
  'Ivanova',
  'Jansen',
  'Kowalski',
  'Lindqvist',
  'Müller',
  'Nakamura',
  "O'Brien",
  'Petrov',
  'Quispe',
  'Rossi',
  'Schäfer',
  'Tanaka',
  'Underwood',
  'Vogel',
  'Wójcik',
  'Yılmaz',
  'Zhang',
]
const firms = [
  'Alder & Sons',
  'Bluefin "Labs"',
  'Cobalt GmbH',
  'Dune Studio',
  'Ember S.A.',
  'Fjord AS',
  'Granite Works',
  'Harbor 🚢 Freight',
  'Indigo Oy',
  'Juniper Ltd',
]
const places = [
  { country: 'US', city: 'Portland', state: 'OR', postal_code: '97205', prefix: '+1503555' },
  { country: 'DE', city: 'München', state: null, postal_code: '80331', prefix: '+4989555' },
  { country: 'FR', city: 'Orléans', state: null, postal_code: '45000', prefix: '+3323855' },
  { country: 'GB', city: 'Bristol', state: null, postal_code: 'BS1 4DJ', prefix: '+4411755' },
  { country: 'JP', city: '札幌市', state: '北海道', postal_code: '060-0001', prefix: '+8111555' },
]
const plans = ['free', 'starter', 'team', 'business']
const currencies = ['usd', 'usd', 'usd', 'eur', 'eur', 'gbp', 'jpy'] as const

/** A customer, about 1 kB as compact JSON. */
export function buildCustomer(account: Account, created: number, fields: Fields): StripeObject {
  const { random } = account
  const place = random.pick(places)
  const name = `${random.pick(given)} ${random.pick(family)}`
  const firm = random.chance(0.4) ? random.pick(firms) : null
  const address = {
    city: place.city,
    country: place.country,
    line1: `${random.int(1, 240)} ${random.pick(family)} Street`,
    line2: firm === null ? null : `Floor ${random.int(1, 9)}`,
    postal_code: place.postal_code,
    state: place.state,
  }
  const phone = `${place.prefix}${random.digits(4)}`
  return {
    id: account.newId('cus_', 14),
    object: 'customer',
    address,
    balance: random.chance(0.1) ? -random.int(1, 90) * 100 : 0,
    created,
    currency: random.pick(currencies),
    customer_account: null,
    default_source: null,
    delinquent: random.chance(0.04),
    description:
      firm === null ? null : `${firm}, signed up by ${name}.\nAsked for an invoice by post.`,
    discount: null,
    email: `${ascii(name)}.${random.digits(5)}@example.com`,
    invoice_prefix: random.text(8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: random.chance(0.5) ? account.newId('pm_', 24) : null,
      footer: null,
      rendering_options: null,
    },
    livemode: account.livemode,
    metadata: {
      crm_id: `${random.int(1, 900)}-${random.digits(8)}`,
      plan: random.pick(plans),
      source: random.pick(['web', 'sales', 'partner', 'import']),
    },
    name: firm ?? name,
    next_invoice_sequence: random.int(1, 40),
    phone,
    preferred_locales: [random.pick(['en', 'de-DE', 'fr-FR', 'ja'])],
    shipping: random.chance(0.5) ? { address, name, phone } : null,
    tax_exempt: 'none',
    test_clock: null,
    ...fields,
  }
}

function ascii(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z]+/g, '.')
    .toLowerCase()
}
