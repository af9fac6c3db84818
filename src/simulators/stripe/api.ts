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
import { collections, specs } from './objects.ts'
import type { Collection } from './objects.ts'
import { parseExpand, parseListQuery, parseQuery } from './query.ts'
import { pretty, textOf, wire } from './render.ts'
import { webhookEndpoints } from './webhooks.ts'
import { perform } from './writes.ts'

const versionShape = /^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/
const byPath = new Map<string, Collection>(collections.map((name) => [specs[name].path, name]))

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
  const collection = byPath.get(name ?? '')
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
  if (method === 'GET') {
    authorize(account, caller, resource, 'read')
    return ok(read(account, collection, request, parts, version))
  }
  authorize(account, caller, resource, 'write')
  if ((method !== 'POST' && method !== 'DELETE') || collection === undefined) {
    throw unknownUrl(method, path)
  }
  const write = () => {
    const key = request.headers['idempotency-key']
    account.cause = { id: requestId, idempotency_key: typeof key === 'string' ? key : null }
    try {
      return ok(perform({ account, request, collection, parts, version }))
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

function read(
  account: Account,
  collection: Collection | undefined,
  { method, path, query }: SimRequest,
  parts: string[],
  version: string,
): string | Buffer {
  const [name, id, sub] = parts
  if (collection === undefined) {
    if (parts.length > 2) throw unknownUrl(method, path)
    if (name === 'events')
      return id === undefined ? listEvents(account, query) : retrieveEvent(account, id)
    if (name === 'account' && id === undefined) return pretty(accountObject(account))
    if (name === 'accounts' && id === account.id) return pretty(accountObject(account))
    throw unknownUrl(method, path)
  }
  if (id === undefined) {
    if (collection !== 'subscription_item')
      return listCollection(account, collection, query, version)
    const { parent, paging } = itemsQuery(account, query)
    return listChildren(account, parent, paging, '/v1/subscription_items', version)
  }
  const value = account.get(collection, id)
  if (parts.length === 3 && collection === 'invoice' && sub === 'lines') {
    if (value === null) throw missing(404, collection, id, 'invoice')
    const { paging } = parseListQuery(query, () => false)
    return listChildren(account, value, paging, path, version)
  }
  if (parts.length > 2) throw unknownUrl(method, path)
  const expand = parseExpand(parseQuery(query))
  if (value === null) {
    if (collection === 'customer' && account.deleted(collection, id)) {
      return pretty({ id, object: 'customer', deleted: true })
    }
    throw missing(404, collection, id, 'id')
  }
  if (expand.length > 0) return expandText(account, value, expand, null, version)
  if (collection === 'subscription_item') return pretty(wire(value, version))
  return textOf(account.tables[collection].get(id)!, version)
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
    const collection = byPath.get(request.path.split('/')[2] ?? '')
    throw lacking(account, key, fault.code ?? collection ?? 'account', 'read')
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

/** `GET /v1/customers/{id}`: one limit for all ids together. */
function endpointOf({ method, path }: SimRequest): string {
  const parts = path.split('/')
  if (parts.length > 3) parts[3] = '{id}'
  return `${method} ${parts.join('/')}`
}
