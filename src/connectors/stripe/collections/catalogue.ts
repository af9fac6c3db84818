import { COMPARED, DAILY, DAY_MS, HOURLY, TOLD, type Spec } from '../spec.ts'

/** What is sold, at which prices, with which discounts and taxes. */
export const catalogueSpecs = {
  product: {
    title: 'Products',
    path: '/v1/products',
    fields:
      'name active:boolean description default_price metadata:json created:timestamp updated:timestamp',
    updated: 'updated',
    enumerateEveryMs: DAY_MS,
    deletes: TOLD,
  },
  /** Not swept: those made inline exist, come by their events and stand in no list; each sweep would ask for all of them. */
  price: {
    title: 'Prices',
    path: '/v1/prices',
    fields:
      'product active:boolean currency unit_amount:number unit_amount_decimal type recurring:json lookup_key nickname metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['event', 'gone'],
  },
  /** The older form of prices, and as with them those made inline stand in no list. */
  plan: {
    title: 'Plans',
    path: '/v1/plans',
    fields:
      'product active:boolean currency amount:number interval interval_count:number nickname metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: ['event', 'gone'],
  },
  coupon: {
    title: 'Coupons',
    path: '/v1/coupons',
    fields:
      'name amount_off:number percent_off:number currency duration valid:boolean times_redeemed:number metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
    deletes: TOLD,
  },
  promotion_code: {
    title: 'Promotion codes',
    path: '/v1/promotion_codes',
    fields:
      'code active:boolean customer promotion:json times_redeemed:number max_redemptions:number expires_at:timestamp metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  product_feature: {
    title: 'Features of products',
    path: '/v1/products/{id}/features',
    byId: '/v1/products/{parent}/features/{id}',
    owned: true,
    created: null,
    under: {
      of: 'product',
      parents: { path: '/v1/products' },
      list: '/v1/products/{0}/features',
    },
    fields: 'entitlement_feature:json',
    ...COMPARED,
    enumerateEveryMs: DAY_MS,
  },
  entitlements_feature: {
    title: 'Features',
    path: '/v1/entitlements/features',
    created: null,
    filter: false,
    fields: 'name lookup_key active:boolean metadata:json',
    ...HOURLY,
  },
  product_catalog_trial_offer: {
    title: 'Trial offers',
    path: '/v1/product_catalog/trial_offers',
    created: null,
    fields: 'price nickname active:boolean duration:json end_behavior:json',
    ...HOURLY,
  },
  shipping_rate: {
    title: 'Shipping rates',
    path: '/v1/shipping_rates',
    fields:
      'display_name active:boolean type fixed_amount:json tax_behavior metadata:json created:timestamp',
    ...HOURLY,
  },
  tax_rate: {
    title: 'Tax rates',
    path: '/v1/tax_rates',
    fields:
      'display_name active:boolean percentage:number inclusive:boolean country jurisdiction metadata:json created:timestamp',
    enumerateEveryMs: DAY_MS,
  },
  tax_registration: {
    title: 'Tax registrations',
    path: '/v1/tax/registrations',
    filter: false,
    fields: 'country status active_from:timestamp expires_at:timestamp created:timestamp',
    ...HOURLY,
  },
  tax_location: {
    title: 'Tax locations',
    path: '/v1/tax/locations',
    query: [['type', 'performance']],
    created: null,
    filter: false,
    fields: 'type description address:json',
    ...HOURLY,
  },
  tax_code: {
    title: 'Tax codes',
    path: '/v1/tax_codes',
    created: null,
    filter: false,
    fields: 'name description',
    ...DAILY,
  },
  country_spec: {
    title: 'Country specifications',
    path: '/v1/country_specs',
    created: null,
    filter: false,
    fields: 'default_currency supported_payment_currencies:json',
    ...DAILY,
  },
  exchange_rate: {
    title: 'Exchange rates',
    path: '/v1/exchange_rates',
    created: null,
    filter: false,
    fields: 'rates:json',
    ...HOURLY,
  },
  climate_product: {
    title: 'Climate products',
    path: '/v1/climate/products',
    filter: false,
    fields: 'name metric_tons_available delivery_year:number suppliers:json created:timestamp',
  },
  climate_supplier: {
    title: 'Climate suppliers',
    path: '/v1/climate/suppliers',
    created: null,
    filter: false,
    fields: 'name removal_pathway info_url',
    ...DAILY,
  },
  climate_order: {
    title: 'Climate orders',
    path: '/v1/climate/orders',
    filter: false,
    fields:
      'status amount_total:number currency metric_tons product delivery_year:number metadata:json created:timestamp',
  },
  forwarding_request: {
    title: 'Forwarded requests',
    path: '/v1/forwarding/requests',
    fields: 'url payment_method metadata:json created:timestamp',
    ...COMPARED,
  },
} satisfies Record<string, Spec>
