/**
 * A server that speaks as much of Stripe as a backfill of customers needs, and makes each customer when it is asked for: two
 * million cost no memory. The key says which account, `sk_test_<account>x<customers>`; they are spread evenly over two years.
 * argv: port, calls a second that it allows (0: any). Beyond that it answers 429: more than so many in any second, or a burst
 * of more than a tenth of them at once. Faults, latency and log under `/_sim`, as of every simulator.
 */
import { createFaults } from '../../src/simulators/kit/faults.ts'
import { createControl } from '../../src/simulators/kit/control.ts'
import { createRandom } from '../../src/simulators/kit/random.ts'
import { createRequestLog } from '../../src/simulators/kit/log.ts'
import { serve } from '../../src/simulators/kit/serve.ts'
import type { SimAnswer, SimRequest } from '../../src/simulators/kit/serve.ts'

const [port, allowed] = process.argv.slice(2).map(Number) as [number, number]
const twoYears = 2 * 365 * 86_400
const newest = Math.floor(Date.now() / 1000) - 60
const faults = createFaults(createRandom(1))
const log = createRequestLog()
const mayStart = createAllowance(allowed)

await serve(
  {
    answer: (request, fault) => {
      if (fault?.kind === 'server_error') return problem(fault.status ?? 500, 'api_error', fault)
      if (fault?.kind === 'rate_limit' || !mayStart(performance.now()))
        return problem(429, 'rate_limit_error', fault)
      return answer(request)
    },
    control: createControl(faults, log, { 'GET /keys': () => ({ secret: 'sk_test_1x20000' }) }),
    keyTail: (headers) => keyOf(headers.authorization).slice(-4),
    requestIdHeader: 'request-id',
    faults,
    log,
    now: Date.now,
  },
  port,
  '127.0.0.1',
)
process.on('SIGTERM', () => process.exit(0))

function answer({ path, query, headers }: SimRequest): SimAnswer {
  const [account, count] = accountOf(keyOf(headers.authorization))
  if (path === '/v1/account') return json({ id: `acct_${account}`, object: 'account' })
  if (path === '/v1/balance') return json({ object: 'balance', livemode: false })
  if (path !== '/v1/customers') return json({ object: 'list', data: [], has_more: false })
  const asked = new URLSearchParams(query)
  const limit = Number(asked.get('limit') ?? 10)
  const from = Number(asked.get('created[gte]') ?? 0)
  const to = Number(asked.get('created[lt]') ?? newest + 1)
  const after = asked.get('starting_after')
  // the first that was made before `to`
  let at = after === null ? firstBefore(to, count) : indexOf(after) + 1
  const texts: string[] = []
  while (texts.length < limit && at < count && createdOf(at, count) >= from)
    texts.push(customer(at, createdOf(at++, count)))
  const more = at < count && createdOf(at, count) >= from
  return ok(
    `{\n  "object": "list",\n  "data": [${texts.join(',')}\n  ],\n  "has_more": ${more},\n  "url": "/v1/customers"\n}\n`,
  )
}

function createdOf(at: number, count: number): number {
  return newest - Math.floor((at / count) * twoYears)
}

function firstBefore(to: number, count: number): number {
  let at = Math.max(0, Math.floor(((newest - to) / twoYears) * count))
  while (at < count && createdOf(at, count) >= to) at++
  return at
}

/** Ids in no order, as a provider's are: the index is at their end. */
function idOf(at: number): string {
  const scattered = Math.imul(at + 1, 0x9e3779b1) >>> 0
  return `cus_${scattered.toString(36).padStart(7, '0')}${at.toString(36).padStart(7, '0')}`
}

function indexOf(id: string): number {
  return Number.parseInt(id.slice(-7), 36)
}

function customer(at: number, created: number): string {
  const id = idOf(at)
  return `
    {
      "id": "${id}",
      "object": "customer",
      "address": {
        "city": "Bristol",
        "country": "GB",
        "line1": "${at} Rossi Street",
        "line2": null,
        "postal_code": "BS1 4DJ",
        "state": null
      },
      "balance": ${-(at % 10_000)},
      "created": ${created},
      "currency": "usd",
      "customer_account": null,
      "default_source": null,
      "delinquent": false,
      "description": null,
      "discount": null,
      "email": "${id}@example.com",
      "invoice_prefix": "${id.slice(4, 12).toUpperCase()}",
      "invoice_settings": {
        "custom_fields": null,
        "default_payment_method": "pm_${id}",
        "footer": null,
        "rendering_options": null
      },
      "livemode": false,
      "metadata": {
        "crm_id": "${at}-${created}",
        "plan": "team",
        "source": "partner"
      },
      "name": "Nora Quispe ${at}",
      "next_invoice_sequence": ${at % 100},
      "phone": "+44117558651",
      "preferred_locales": [
        "fr-FR"
      ],
      "shipping": null,
      "tax_exempt": "none",
      "test_clock": null
    }`
}

/** Sliding second, and a bucket for bursts. */
function createAllowance(perSecond: number): (now: number) => boolean {
  const starts: number[] = []
  const burst = Math.max(2, perSecond / 10)
  let tokens = burst
  let filledAt = performance.now()
  return (now) => {
    if (perSecond === 0) return true
    while (starts.length > 0 && starts[0]! <= now - 1_000) starts.shift()
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1_000) * perSecond * 1.1)
    filledAt = now
    if (starts.length >= perSecond || tokens < 1) return false
    tokens -= 1
    starts.push(now)
    return true
  }
}

function keyOf(authorization: string | undefined): string {
  return (authorization ?? '').replace(/^Bearer /, '')
}

function accountOf(key: string): [account: string, count: number] {
  const [account, count] = key.replace(/^sk_test_/, '').split('x')
  return [account ?? '', Number(count)]
}

function problem(
  status: number,
  type: string,
  fault: { retryAfter?: string | number } | null,
): SimAnswer {
  const wait = fault?.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
  const body = { error: { type, message: 'Try again later.' } }
  return { ...json(body, status), headers: { 'content-type': 'application/json', ...wait } }
}

function json(value: unknown, status = 200): SimAnswer {
  return { ...ok(JSON.stringify(value)), status }
}

function ok(body: string): SimAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body }
}
