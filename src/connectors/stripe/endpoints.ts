import type { Context, Webhooks } from '../connector.ts'
import { asObject, asText, readItems, readObject } from '../kit/answer.ts'
import { API_VERSION } from './events.ts'

const PATH = '/v1/webhook_endpoints'
/** Stripe allows 16 endpoints an account. */
const ENDPOINTS_MAX = 100
/** Whose an endpoint is, in its metadata. */
const OWNER = 'sluice'

/**
 * Webhook endpoints at Stripe (API reference, "Webhook Endpoints"): all events, rendered at our version. What an earlier call
 * of the same owner left is taken away first, so that there is never a second one, whatever happened to its answer.
 */
export const registration: Required<Pick<Webhooks, 'register' | 'unregister' | 'byHand'>> = {
  async register(ctx, { url, owner }) {
    for (const id of await ownedBy(ctx, owner)) await registration.unregister(ctx, id)
    const body = new URLSearchParams([
      ['url', url],
      ['enabled_events[]', '*'],
      ['api_version', API_VERSION],
      ['description', 'Sluice: changes arrive sooner'],
      [`metadata[${OWNER}]`, owner],
    ])
    const answer = await ctx.request({ method: 'POST', path: PATH, headers, body: String(body) })
    const { value } = readObject(answer)
    const [id, secret] = [asText(value['id']), asText(value['secret'])]
    if (id === null || secret === null) throw new Error('Stripe answers with id and secret')
    return { id, secret }
  },
  async unregister(ctx, id) {
    const path = `${PATH}/${encodeURIComponent(id)}`
    await ctx.request({ method: 'DELETE', path, accept: [404] })
  },
  byHand:
    'In the Stripe Dashboard, under Developers, Webhooks, add an endpoint for events of your account, choose all events, and enter the URL. Then send its signing secret (`whsec_…`) here: the same call again, with `secret`.',
}

const headers = { 'content-type': 'application/x-www-form-urlencoded' }

async function ownedBy(ctx: Context, owner: string): Promise<string[]> {
  const answer = await ctx.request({ path: PATH, query: [['limit', String(ENDPOINTS_MAX)]] })
  return readItems(readObject(answer), 'data').flatMap(({ value }) =>
    asObject(value['metadata'])?.[OWNER] === owner ? (asText(value['id']) ?? []) : [],
  )
}
