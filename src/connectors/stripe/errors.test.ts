import { expect, test } from 'vitest'
import type { FailedAnswer } from '../connector.ts'
import { isGone } from './errors.ts'
import { stripe } from './index.ts'

const INVALID = 'invalid_request_error'

test.each([
  [
    'a wrong key',
    401,
    { message: 'Invalid API Key provided: sk_test_****abcd' },
    'auth',
    /rolled or revoked/,
  ],
  ['an expired key', 401, { code: 'api_key_expired' }, 'auth', /expired/],
  ['an account out of reach', 403, { code: 'account_invalid' }, 'auth', /no access/],
  [
    'a missing permission',
    403,
    { message: "Having the 'rak_customer_read' permission would allow this" },
    'permanent',
    /rak_customer_read for \/v1\/customers\./,
  ],
  ['a 403 without a word', 403, {}, 'permanent', /a permission for/],
  [
    'an unknown URL',
    404,
    { message: 'Unrecognized request URL (GET: /v1/x)' },
    'permanent',
    /does not have .* so there is nothing to read/,
  ],
  ['a feature that is off', 400, { message: 'x is not set up' }, 'permanent', /nothing to read/],
  [
    'a parameter',
    400,
    { code: 'parameter_unknown', param: 'x' },
    'permanent',
    /parameter_unknown on x/,
  ],
  ['an old rate limit', 400, { code: 'rate_limit' }, 'rate_limited', /slow down/],
  ['a rate limit', 429, { code: 'rate_limit' }, 'rate_limited', /slow down/],
  ['a lock', 429, { code: 'lock_timeout' }, 'transient', /holds the object/],
  ['a conflict', 409, { code: 'idempotency_key_in_use' }, 'transient', /tried again/],
  ['a dependency', 424, {}, 'transient', /tried again/],
])('%s (%i) is classified', (_what, status, error, kind, message) => {
  const classified = stripe.classify!(answer(status, error))
  expect(classified?.kind).toBe(kind)
  expect(classified?.message).toMatch(message)
})

test.each([400, 402, 403, 404])(
  'a %i without the envelope of Stripe comes from something in between, and is tried again',
  (status) => {
    for (const body of ['<html>Forbidden</html>', '', '{"message":"no"}', '{"error":"no"}']) {
      const classified = stripe.classify!({ ...answer(status, {}), body })
      expect(classified?.kind).toBe('transient')
      expect(classified?.message).toMatch(
        new RegExp(
          `between here and Stripe answered /v1/customers with status ${status} and a page`,
        ),
      )
    }
  },
)

test('5xx and unknown statuses are left to the general table', () => {
  for (const status of [500, 502, 503, 504, 418]) {
    expect(stripe.classify!(answer(status, {}))).toBeNull()
  }
})

test.each([
  ['endpoint-rate', '/v1/customers/cus_1', 'GET /v1/customers/{id}'],
  ['endpoint-concurrency', '/v1/customers', 'GET /v1/customers'],
  ['endpoint-rate', '/v1/invoices/in_1/lines?limit=1', 'GET /v1/invoices/{id}/lines'],
  ['endpoint-rate', '/v1/coupons/summer', 'GET /v1/coupons/{id}'],
  ['endpoint-rate', '/v1/unknown/things/all', null],
  ['global-rate', '/v1/customers', null],
  ['', '/v1/customers', null],
])('a 429 for %s at %s blocks %s', (reason, path, bucket) => {
  const headers: Record<string, string> = reason ? { 'stripe-rate-limited-reason': reason } : {}
  expect(stripe.classify!({ ...answer(429, {}), path, headers })?.bucket).toBe(bucket)
})

test('only a 404 of Stripe itself proves that an object is gone', () => {
  const body = (error: object) => JSON.stringify({ error: { type: INVALID, ...error } })
  expect(isGone({ status: 404, body: body({ code: 'resource_missing' }) })).toBe(true)
  expect(isGone({ status: 404, body: body({ message: 'Not Found' }) })).toBe(true)
  for (const proof of [
    { status: 404, body: body({ message: 'Unrecognized request URL (GET: /v1/x/y)' }) },
    { status: 404, body: body({ code: 'url_invalid' }) },
    { status: 404, body: '404: Not Found' },
    { status: 404, body: '{"error":"not found"}' },
    { status: 400, body: body({ code: 'resource_missing' }) },
  ]) {
    expect(isGone(proof)).toBe(false)
  }
})

test.each([
  ['Issuing', 400, 'Your account is not set up to use Issuing.', '/v1/issuing/cards'],
  ['Treasury', 404, 'Unrecognized request URL (GET: /v1/x)', '/v1/treasury/financial_accounts'],
  ['Identity', 403, 'Identity is not enabled for this account.', '/v1/identity/x?limit=1'],
  ['Test clocks', 400, 'Only available in test mode.', '/v1/test_helpers/test_clocks'],
  ['Sigma', 400, '', '/v1/sigma/scheduled_query_runs'],
])(
  '%s that the account does not have (%i) is told by name, and is no fault',
  (product, status, message, path) => {
    const classified = stripe.classify!({ ...answer(status, { message }), path })
    expect(classified).toMatchObject({ kind: 'permanent', code: 'not-enabled' })
    expect(classified!.message).toMatch(
      new RegExp(`^${product}.* is not enabled on this Stripe account`),
    )
  },
)

test('a permission that is missing and a parameter of ours are not taken for that', () => {
  const lacking = answer(403, { message: "Having the 'rak_customer_read' permission; not enabled" })
  const parameter = answer(400, { code: 'parameter_unknown', param: 'x', message: 'not supported' })
  for (const refused of [lacking, parameter, answer(403, {})]) {
    expect(stripe.classify!(refused)?.code).toBeUndefined()
  }
})

function answer(status: number, error: object): FailedAnswer {
  const body = JSON.stringify({ error: { type: INVALID, ...error } })
  return { status, headers: {}, body, path: '/v1/customers' }
}
