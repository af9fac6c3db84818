import type { FaultRule } from '../kit/faults.ts'
import type { SimAnswer, SimRequest } from '../kit/serve.ts'
import type { Account } from './account.ts'
import type { Grant, createKeys } from './auth.ts'
import { authenticate, authorize, checkAccount, keyOf, lacking, masked, refused } from './auth.ts'
import { StripeError, errorAnswer, invalid, missing, serverError, unknownUrl } from './errors.ts'
import { expandText } from './expand.ts'
import { listEvents, retrieveEvent } from './feed.ts'
import { replayed, settle } from './idempotency.ts'
import { createLimiter, limited } from './limits.ts'
import { itemsQuery, listChildren, listCollection } from './list.ts'
import { specs } from './objects.ts'
import type { Collection } from './objects.ts'
import { ordinaryOf } from './ordinary/ordinary.ts'
import type { Place } from './paths.ts'
import { endpointOf, placeOf } from './paths.ts'
import { parseExpand, parseListQuery, parseQuery } from './query.ts'
import { pretty, textOf, wire } from './render.ts'
import { webhookEndpoints } from './webhooks.ts'
import { perform } from './writes.ts'

const versionShape = /^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/

/** The provider: takes a request, gives the answer with its headers. Never throws. */
export function createApi(
  account: Account,
  keys: ReturnType<typeof createKeys>,
): (request: SimRequest, fault: FaultRule | null) => SimAnswer {
  const limiter = createLimiter(account.livemode, account.now)
  return (request, fault) => {
    const requestId = `req_${account.random.text(14)}`
    const version =
      (request.headers['stripe-version'] as string | undefined) ?? account.settings.apiVersion
    let answer: SimAnswer
    try {
      if (fault !== null) playFault(account, fault, request)
      const caller = authenticate(keys, request.headers)
      if (!versionShape.test(version)) throw invalid(`Invalid Stripe API version: ${version}`)
      checkAccount(account, request.headers, caller.key)
      if (account.settings.limits) limiter.check(endpointOf(request), request.inFlight)
      answer = route(account, request, caller, version, requestId)
    } catch (error) {
      if (!(error instanceof StripeError)) throw error
      answer = errorAnswer(error, requestId, account.livemode)
    }
    return {
      ...answer,
      headers: {
        'content-type': 'application/json',
        date: new Date(account.now()).toUTCString(),
        'request-id': requestId,
        'stripe-version': versionShape.test(version) ? version : account.settings.apiVersion,
        ...answer.headers,
      },
    }
  }
}

type Caller = { key: string; grant: Grant }

function route(
  account: Account,
  request: SimRequest,
  caller: Caller,
  version: string,
  requestId: string,
): SimAnswer {
  const { method, path } = request
  const [empty, root, ...parts] = path.split('/').map(decoded)
  const name = parts[0] === 'account' || parts[0] === 'accounts' ? 'account' : parts[0]
  const place = placed(account, placeOf(parts))
  const collection = place?.collection
  if (empty !== '' || root !== 'v1' || parts.at(-1) === '') throw unknownUrl(method, path)
  if (
    collection === undefined &&
    !['account', 'events', 'webhook_endpoints'].includes(name ?? '')
  ) {
    throw unknownUrl(method, path)
  }
  const resource = collection === undefined ? name!.replace(/s$/, '') : specs[collection].permission
  if (name === 'webhook_endpoints') {
    if (parts.length > 2) throw unknownUrl(method, path)
    authorize(account, caller, resource, method === 'GET' ? 'read' : 'write')
    return ok(webhookEndpoints(account, request, parts[1]))
  }
  const product = collection === undefined ? undefined : ordinaryOf(collection)?.feature
  if (product !== undefined && account.settings.off.includes(product)) throw isOff(product, request)
  if (method === 'GET') {
    authorize(account, caller, resource, 'read')
    return ok(
      place === null ? alone(account, request, parts) : read(account, place, request, version),
    )
  }
  authorize(account, caller, resource, 'write')
  if ((method !== 'POST' && method !== 'DELETE') || collection === undefined) {
    throw unknownUrl(method, path)
  }
  const write = () => {
    const key = request.headers['idempotency-key']
    account.cause = { id: requestId, idempotency_key: typeof key === 'string' ? key : null }
    try {
      const { key: id, rest } = place!
      return ok(perform({ account, request, collection, id, rest, version }))
    } finally {
      account.cause = { id: null, idempotency_key: null }
    }
  }
  if (method === 'DELETE') return write()
  return replayed(account, request) ?? settle(account, request, requestId, write)
}

function ok(body: string | Buffer): SimAnswer {
  return { status: 200, headers: {}, body: typeof body === 'string' ? `${body}\n` : body }
}

/** Tax ids of customers are read by their id like those of the account. */
function placed(account: Account, place: Place | null): Place | null {
  if (place?.collection !== 'tax_id' || place.key === undefined) return place
  return account.get('tax_id', place.key) === null
    ? { ...place, collection: 'customer_tax_id' }
    : place
}

/** What is no collection: events, and the account itself. */
function alone(account: Account, { method, path, query }: SimRequest, parts: string[]) {
  const [name, id] = parts
  if (parts.length > 2) throw unknownUrl(method, path)
  if (name === 'events') {
    return id === undefined ? listEvents(account, query) : retrieveEvent(account, id)
  }
  if (name === 'account' && id === undefined) return pretty(accountObject(account))
  if (name === 'accounts' && id === account.id) return pretty(accountObject(account))
  throw unknownUrl(method, path)
}

function read(
  account: Account,
  { collection, parent, key, rest }: Place,
  { method, path, query }: SimRequest,
  version: string,
): string | Buffer {
  if (parent !== null && !isThere(account, parent)) {
    throw missing(404, parent.collection, parent.id, parent.field)
  }
  if (key === undefined) {
    if (collection !== 'subscription_item')
      return listCollection(account, collection, query, version, parent)
    const { parent: subscription, paging } = itemsQuery(account, query)
    return listChildren(account, subscription, paging, '/v1/subscription_items', version)
  }
  const value = account.get(collection, key)
  const [sub] = rest
  if (rest.length === 1 && sub === listedBelow[collection]) {
    if (value === null) throw missing(404, collection, key, collection)
    const { paging } = parseListQuery(query, () => false)
    return listChildren(account, value, paging, path, version)
  }
  if (rest.length > 0 || ordinaryOf(collection)?.noById) throw unknownUrl(method, path)
  const expand = parseExpand(parseQuery(query))
  if (value === null) {
    if (collection === 'customer' && account.deleted(collection, key)) {
      return pretty({ id: key, object: 'customer', deleted: true })
    }
    throw missing(404, collection, key, 'id')
  }
  if (expand.length > 0) return expandText(account, value, expand, null, version)
  if (collection === 'subscription_item') return pretty(wire(value, version))
  return textOf(account.tables[collection].get(key)!, version)
}

/** Embedded lists that can be read whole below their object. */
const listedBelow: Partial<Record<Collection, string>> = {
  invoice: 'lines',
  credit_note: 'lines',
  transfer: 'reversals',
  application_fee: 'refunds',
}

function isThere(account: Account, parent: { collection: Collection; id: string }): boolean {
  return account.get(parent.collection, parent.id) !== null
}

/** Three ways in which a product that an account does not have is refused: each was seen. */
function isOff(product: string, { method, path }: SimRequest): StripeError {
  if (product === 'Treasury') return unknownUrl(method, path)
  const message = `Your account is not set up to use ${product}. Please visit https://dashboard.stripe.com to get started.`
  return product === 'Identity' ? new StripeError(403, { message }) : invalid(message)
}

function accountObject(account: Account): object {
  return {
    id: account.id,
    object: 'account',
    business_profile: { name: 'Sluice playground', support_email: null, url: null },
    business_type: 'company',
    charges_enabled: true,
    country: 'US',
    created: Math.floor(account.createdMs / 1000),
    default_currency: 'usd',
    details_submitted: true,
    email: 'owner@example.com',
    metadata: {},
    payouts_enabled: true,
    settings: { dashboard: { display_name: 'Sluice playground', timezone: 'Etc/UTC' } },
    type: 'standard',
  }
}

/** Faults that the provider answers in its own shape. */
function playFault(account: Account, fault: FaultRule, request: SimRequest): void {
  const key = keyOf(request.headers) ?? ''
  const headers = {
    ...(fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }),
    ...(fault.shouldRetry === undefined
      ? {}
      : { 'stripe-should-retry': String(fault.shouldRetry) }),
  }
  if (fault.kind === 'rate_limit') {
    throw limited(fault.code === 'lock_timeout' ? null : 'global-rate', headers, fault.code)
  }
  if (fault.kind === 'server_error') throw serverError(fault.status ?? 500, headers)
  if (fault.kind === 'unauthorized') {
    if (fault.code === undefined) throw refused(`Invalid API Key provided: ${masked(key)}`)
    throw new StripeError(401, {
      code: fault.code,
      message: `Expired API Key provided: ${masked(key)}`,
    })
  }
  if (fault.kind === 'forbidden') {
    const place = placeOf(request.path.split('/').slice(2))
    throw lacking(account, key, fault.code ?? place?.collection ?? 'account', 'read')
  }
}

/** Ids of coupons are chosen by people and may need escaping. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
