import type { Ordinary } from './ordinary.ts'

/** Shapes: the fields that the official SDK declares as present, ordinary.ts tells what the kinds are. */
export const catalogue = {
  plan: {
    path: 'plans',
    id: 'plan_ 24',
    events: 'plan.{created,deleted,updated}',
    filters: 'active:flag created:range product',
    deletable: true,
    declared: 'Plans:Plan',
    shape:
      'active:flag amount:int amount_decimal:null billing_scheme:=per_unit created:now currency:text interval:=month interval_count:int livemode:flag metadata:map meter:null nickname:null product:@product tiers_mode:null transform_usage:null trial_period_days:null usage_type:=licensed',
  },
  product_feature: {
    path: 'products/{_parent}/features',
    id: 'pf_ 24',
    deletable: true,
    declared: 'ProductFeatures:ProductFeature',
    shape: 'entitlement_feature:{} livemode:flag _parent:@product',
  },
  entitlements_feature: {
    path: 'entitlements/features',
    id: 'feat_ 24',
    filters: 'archived:ignored lookup_key',
    noun: 'entitlements.feature',
    declared: 'Entitlements/Features:Feature',
    shape: 'active:flag livemode:flag lookup_key:text metadata:map name:text',
  },
  product_catalog_trial_offer: {
    path: 'product_catalog/trial_offers',
    id: 'to_ 24',
    filters: 'active:flag created:range prices:ignored',
    noun: 'product_catalog.trial_offer',
    declared: 'ProductCatalog/TrialOffers:TrialOffer',
    shape: 'active:flag duration:{} end_behavior:{} livemode:flag nickname:null price:@price',
  },
  shipping_rate: {
    path: 'shipping_rates',
    id: 'shr_ 24',
    filters: 'active:flag created:range currency:ignored',
    declared: 'ShippingRates:ShippingRate',
    shape:
      'active:flag created:now delivery_estimate:null display_name:text livemode:flag metadata:map tax_behavior:null tax_code:null type:=fixed_amount',
  },
  tax_registration: {
    path: 'tax/registrations',
    id: 'taxreg_ 24',
    filters: 'status',
    noun: 'tax.registration',
    feature: 'Tax',
    declared: 'Tax/Registrations:Registration',
    shape:
      'active_from:int country:=US country_options:{} created:now expires_at:null livemode:flag status:=active',
  },
  tax_location: {
    path: 'tax/locations',
    id: 'taxloc_ 24',
    filters: '!type',
    noun: 'tax.location',
    feature: 'Tax',
    declared: 'Tax/Locations:Location',
    shape: 'address:{} description:text livemode:flag type:=performance',
  },
  tax_code: {
    path: 'tax_codes',
    id: 'txcd_ 8',
    declared: 'TaxCodes:TaxCode',
    shape: 'description:text name:text requirements:null',
  },
  country_spec: {
    path: 'country_specs',
    id: 'C 6',
    declared: 'CountrySpecs:CountrySpec',
    shape:
      'default_currency:text supported_bank_account_currencies:{} supported_payment_currencies:[] supported_payment_methods:[] supported_transfer_countries:[] verification_fields:{}',
  },
  exchange_rate: {
    path: 'exchange_rates',
    id: 'x 6',
    declared: 'ExchangeRates:ExchangeRate',
    shape: 'rates:{}',
  },
  climate_product: {
    path: 'climate/products',
    id: 'climsku_ 20',
    events: 'climate.product.{created,pricing_updated}',
    noun: 'climate.product',
    feature: 'Climate',
    declared: 'Climate/Products:Product',
    shape:
      'created:now current_prices_per_metric_ton:{} delivery_year:null livemode:flag metric_tons_available:{} name:text suppliers:[]',
  },
  climate_supplier: {
    path: 'climate/suppliers',
    id: 'climsup_ 20',
    noun: 'climate.supplier',
    feature: 'Climate',
    declared: 'Climate/Suppliers:Supplier',
    shape:
      'info_url:text livemode:flag locations:[] name:text removal_pathway:=biomass_carbon_removal_and_storage',
  },
  climate_order: {
    path: 'climate/orders',
    id: 'climorder_ 20',
    events: 'climate.order.{canceled,created,delayed,delivered,product_substituted}',
    noun: 'climate.order',
    feature: 'Climate',
    declared: 'Climate/Orders:Order',
    shape:
      'amount_fees:int amount_subtotal:int amount_total:int canceled_at:null cancellation_reason:null certificate:null confirmed_at:null created:now currency:text delayed_at:null delivered_at:null delivery_details:[] expected_delivery_year:int livemode:flag metadata:map metric_tons:{} product:@climate_product product_substituted_at:null status:=open',
  },
  forwarding_request: {
    path: 'forwarding/requests',
    id: 'fwdreq_ 24',
    filters: 'created:range',
    noun: 'forwarding.request',
    feature: 'Forwarding',
    declared: 'Forwarding/Requests:Request',
    shape:
      'created:now livemode:flag payment_method:text replacements:[] request_context:null request_details:null response_details:null url:null metadata:map',
  },
} satisfies Record<string, Ordinary>
