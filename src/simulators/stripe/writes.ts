import { parseForm } from '../kit/form.ts'
import type { Form, FormValue } from '../kit/form.ts'
import type { SimRequest } from '../kit/serve.ts'
import type { Account } from './account.ts'
import { blanks } from './blanks.ts'
import { create, remove, update } from './change.ts'
import { invalid, missing, unknownUrl } from './errors.ts'
import { expandText } from './expand.ts'
import {
  cancelIntent,
  closeInvoice,
  confirmIntent,
  finalizeInvoice,
  payInvoice,
} from './lifecycle.ts'
import type { Collection, Fields, StripeObject } from './objects.ts'
import { keyOf, plain } from './objects.ts'
import { ordinaryOf } from './ordinary/ordinary.ts'
import { readParams, writes } from './params.ts'
import { pretty, wire } from './render.ts'

export type Write = {
  account: Account
  request: SimRequest
  collection: Collection
  id: string | undefined
  /** What follows the id in the path. */
  rest: string[]
  version: string
}

/** Carries out a POST or DELETE on a collection and returns the JSON text of the answer. */
export function perform({ account, request, collection, id, rest, version }: Write): string {
  const { expand, ...form } = parseForm(request.body || request.query)
  const [action] = rest
  if (rest.length > 1) throw unknownUrl(request.method, request.path)
  const value = id === undefined ? null : account.get(collection, id)
  if (id !== undefined && value === null) throw missing(404, collection, id, 'id')
  const result = account.change(() => {
    if (value === null) return createFrom(account, request, collection, form)
    if (request.method === 'DELETE' && action === undefined)
      return deleted(account, collection, id!)
    if (action === undefined) return updateFrom(account, request, collection, value, form)
    const act = actions[collection]?.[action]
    if (act === undefined) throw unknownUrl(request.method, request.path)
    return act(account, value)
  })
  if (expand === undefined) return pretty(wire(result, version))
  return expandText(account, result, texts(expand), null, version)
}

/** What can be done to an object besides changing its fields: `POST /v1/invoices/{id}/pay`. */
const actions: Partial<
  Record<Collection, Record<string, (account: Account, value: StripeObject) => StripeObject>>
> = {
  invoice: {
    finalize: finalizeInvoice,
    pay: payInvoice,
    void: (account, value) => closeInvoice(account, value, 'void'),
    mark_uncollectible: (account, value) => closeInvoice(account, value, 'uncollectible'),
  },
  payment_intent: { confirm: confirmIntent, cancel: cancelIntent },
  dispute: { close: (account, { id }) => update(account, 'dispute', id, { status: 'lost' }) },
  payout: { cancel: (account, { id }) => update(account, 'payout', id, { status: 'canceled' }) },
}

function createFrom(
  account: Account,
  request: SimRequest,
  collection: Collection,
  form: Form,
): StripeObject {
  const write = writes[collection]
  if (request.method !== 'POST' || write.create === null)
    throw unknownUrl(request.method, request.path)
  const fields = { ...blanks[collection], ...readParams(form, write.create, write.required) }
  if (typeof fields.id === 'string' && account.get(collection, fields.id) !== null) {
    throw invalid(`${collection} already exists.`, 'id', 'resource_already_exists')
  }
  return create(account, collection, creating[collection]?.(account, fields) ?? fields)
}

/** Where parameters and fields are not the same. */
const creating: Partial<Record<Collection, (account: Account, fields: Fields) => Fields>> = {
  invoice: (
    account,
    { pending_invoice_items_behavior: behavior, days_until_due: days, ...fields },
  ) => ({
    ...fields,
    due_date:
      days === undefined || days === null ? null : account.seconds() + Number(days) * 86_400,
    lines: behavior === 'include' ? pendingLines(account, plain(fields.customer)) : [],
  }),
  payment_intent: (account, { confirm, ...fields }) => ({
    ...fields,
    ...(typeof fields.customer === 'string'
      ? { customer: known(account, 'customer', fields.customer) }
      : {}),
    status: confirm === true ? 'succeeded' : 'requires_payment_method',
  }),
  refund: (account, { payment_intent: intent, ...fields }) => {
    if (fields.charge !== undefined) return fields
    if (typeof intent !== 'string') {
      throw invalid(
        'One of the following params should be provided for this request: payment_intent or charge.',
      )
    }
    return { ...fields, charge: account.get('payment_intent', intent)?.latest_charge ?? intent }
  },
  subscription: (_account, { payment_behavior: _ignored, ...fields }) => fields,
  coupon: (_account, fields) => {
    if ((fields.percent_off ?? fields.amount_off ?? null) === null) {
      throw invalid(
        'You must pass either `percent_off` or `amount_off`.',
        'percent_off',
        'parameter_missing',
      )
    }
    return fields
  },
}

function updateFrom(
  account: Account,
  request: SimRequest,
  collection: Collection,
  value: StripeObject,
  form: Form,
): StripeObject {
  const params = writes[collection].update
  if (request.method !== 'POST' || params === null) throw unknownUrl(request.method, request.path)
  const fields = readParams(form, params, [])
  if (form.metadata === '') {
    fields.metadata = Object.fromEntries(
      Object.keys(value.metadata as Fields).map((key) => [key, null]),
    )
  }
  if (collection === 'subscription') return updateSubscription(account, value, fields)
  if (collection === 'subscription_item' && typeof fields.price === 'string') {
    fields.price = account.get('price', known(account, 'price', fields.price))!
  }
  if (collection === 'dispute') {
    const evidence = { ...(value.evidence as Fields), ...(fields.evidence as Fields | undefined) }
    return update(account, 'dispute', value.id, { metadata: fields.metadata ?? {}, evidence })
  }
  return update(account, collection, keyOf(collection, value), fields)
}

/** Items are changed by their id, added without one, taken away with `deleted`. */
function updateSubscription(account: Account, value: StripeObject, fields: Fields): StripeObject {
  const { items, ...rest } = fields
  for (const each of (items as Fields[] | undefined) ?? []) {
    const { id, deleted: gone, price, ...more } = each
    if (id === undefined)
      create(account, 'subscription_item', {
        ...more,
        subscription: value.id,
        ...(price === undefined ? {} : { price }),
      })
    else if (gone === true) remove(account, 'subscription_item', plain(id))
    else update(account, 'subscription_item', plain(id), more)
  }
  return update(account, 'subscription', value.id, rest)
}

/** A stub; of a subscription: the canceled subscription. */
function deleted(account: Account, collection: Collection, id: string): StripeObject {
  remove(account, collection, id)
  if (collection === 'subscription') return account.get(collection, id)!
  return {
    id: id.split('/').at(-1)!,
    object: ordinaryOf(collection)?.noun ?? collection,
    deleted: true,
  }
}

function pendingLines(account: Account, customer: string): Fields[] {
  return account.tables.invoiceitem
    .rows()
    .filter(({ value }) => value.customer === customer && value.invoice === null)
    .map(({ value }) => ({
      amount: value.amount!,
      description: value.description!,
      parent: {
        invoice_item_details: {
          invoice_item: value.id,
          proration: false,
          proration_details: null,
          subscription: null,
        },
        subscription_item_details: null,
        type: 'invoice_item_details',
      },
    }))
}

function known(account: Account, collection: Collection, id: string): string {
  if (account.get(collection, id) === null) throw missing(400, collection, id, collection)
  return id
}

function texts(value: FormValue): string[] {
  return Array.isArray(value) ? value.map(String) : [plain(value)]
}
