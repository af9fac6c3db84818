import { createHmac } from 'node:crypto'
import { createDeliveries } from '../kit/deliver.ts'
import { parseForm } from '../kit/form.ts'
import type { Now } from '../kit/clock.ts'
import type { SimRequest } from '../kit/serve.ts'
import type { Account, EventRow } from './account.ts'
import { invalid, missing, unknownUrl } from './errors.ts'
import { matchesType } from './feed.ts'
import type { Fields } from './objects.ts'
import { plain } from './objects.ts'
import { readParams } from './params.ts'
import { parseListQuery } from './query.ts'
import { inList, listText, pretty } from './render.ts'

const endpointsMax = 16
const timeoutMs = 20_000

type Endpoint = Fields & {
  id: string
  url: string
  secret: string
  enabled_events: string[]
  status: string
}

/** `/v1/webhook_endpoints`: JSON of the answer to any method. The secret is shown only on creation. */
export function webhookEndpoints(
  account: Account,
  request: SimRequest,
  id: string | undefined,
): string | Buffer {
  const { method, path } = request
  if (id === undefined) {
    if (method === 'POST') return pretty(createEndpoint(account, request.body))
    if (method !== 'GET') throw unknownUrl(method, path)
    const { paging } = parseListQuery(request.query, () => false)
    const all = endpointsOf(account).reverse()
    const from =
      paging.startingAfter === null
        ? 0
        : all.findIndex((each) => each.id === paging.startingAfter) + 1
    const page = all.slice(from, from + paging.limit)
    return listText(
      page.map((each) => inList(pretty(shown(each)))),
      from + page.length < all.length,
      path,
    )
  }
  const endpoint = account.notes.get(`endpoint ${id}`) as Endpoint | undefined
  if (endpoint === undefined) throw missing(404, 'webhook endpoint', id, 'id')
  if (method === 'GET') return pretty(shown(endpoint))
  if (method === 'DELETE') {
    account.note(`endpoint ${id}`, null)
    return pretty({ id, object: 'webhook_endpoint', deleted: true })
  }
  const { disabled, ...fields } = readParams(
    parseForm(request.body),
    { ...params, disabled: 'flag' },
    [],
  )
  const status =
    disabled === undefined ? endpoint.status : disabled === true ? 'disabled' : 'enabled'
  const changed = { ...endpoint, ...fields, status }
  account.note(`endpoint ${id}`, changed)
  return pretty(shown(changed))
}

const params = {
  url: 'text',
  enabled_events: 'texts',
  api_version: 'text',
  description: 'text',
  metadata: 'map',
} as const

function createEndpoint(account: Account, body: string): Endpoint {
  if (endpointsOf(account).length >= endpointsMax) {
    throw invalid(`You have reached the maximum of ${endpointsMax} test webhook endpoints.`)
  }
  const fields = readParams(parseForm(body), params, ['enabled_events', 'url'])
  if (!/^https?:\/\//.test(plain(fields.url)))
    throw invalid('Invalid URL: must begin with http or https.', 'url', 'url_invalid')
  const endpoint = {
    id: account.newId('we_', 24),
    object: 'webhook_endpoint',
    api_version: null,
    application: null,
    created: account.seconds(),
    description: null,
    livemode: account.livemode,
    metadata: {},
    secret: `whsec_${account.random.text(32)}`,
    status: 'enabled',
    ...fields,
  } as unknown as Endpoint
  account.note(`endpoint ${endpoint.id}`, endpoint)
  return endpoint
}

function endpointsOf(account: Account): Endpoint[] {
  return [...account.notes]
    .filter(([key]) => key.startsWith('endpoint '))
    .map(([, value]) => value as Endpoint)
}

/** Every endpoint as it is shown, by its id. */
export function shownEndpoints(account: Account): Record<string, string> {
  return Object.fromEntries(endpointsOf(account).map((each) => [each.id, pretty(shown(each))]))
}

function shown({ secret: _secret, ...rest }: Endpoint): Fields {
  return rest
}

/** `Stripe-Signature` of a body: HMAC-SHA256 over `t.body` with the whole secret, one `v1` for each secret. */
export function sign(body: string, secrets: string[], seconds: number): string {
  const signed = secrets.map(
    (secret) => `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`,
  )
  return [`t=${seconds}`, ...signed].join(',')
}

/** Sends each new event to the endpoints that want it. `close` gives up what is under way. */
export function startDelivery(account: Account, now: Now): { close(): void } {
  const deliveries = createDeliveries()
  const send = (endpointId: string, body: string) =>
    deliveries.post(
      () => {
        const endpoint = account.notes.get(`endpoint ${endpointId}`) as Endpoint | undefined
        if (endpoint === undefined || endpoint.status !== 'enabled') return null
        return {
          url: endpoint.url,
          body,
          headers: {
            'content-type': 'application/json; charset=utf-8',
            'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
            'stripe-signature': sign(body, [endpoint.secret], Math.floor(now() / 1000)),
          },
        }
      },
      account.settings.webhookRetriesMs,
      timeoutMs,
    )
  account.onEvent = (row: EventRow) => {
    const { random, settings } = account
    for (const endpoint of endpointsOf(account)) {
      if (!endpoint.enabled_events.some((type) => matchesType(type, row.type))) continue
      const body = pretty({ ...(JSON.parse(row.text) as Fields), pending_webhooks: 1 })
      const copies = random.chance(settings.webhookTwinProbability) ? 2 : 1
      for (let copy = 0; copy < copies; copy++) {
        const wait = Math.floor(random.next() * settings.webhookJitterMs)
        deliveries.later(wait, () => send(endpoint.id, body))
      }
    }
  }
  return {
    close: () => {
      deliveries.close()
      account.onEvent = null
    },
  }
}
