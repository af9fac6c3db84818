import type { SimRequest } from '../kit/serve.ts'
import { appId } from './auth.ts'
import { HubspotError, invalid, notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import { bodyOf } from './query.ts'
import { plain } from './objectTypes.ts'
import type { Fields } from './objectTypes.ts'

const subscriptionsMax = 1000

/** A subscription of the app, `propertyName` only where changes of a property are meant. */
export type Subscription = {
  id: number
  eventType: string
  propertyName?: string
  objectTypeId?: string
  active: boolean
  createdAt: string
  updatedAt: string
}

/** The key of the developer's account, `?hapikey=`. */
export const developerKey = 'developer-key-of-the-simulator'

/** `/webhooks/v3/{appId}/{settings,subscriptions}/…`; null: an empty answer. */
export function webhookManagement(
  portal: Portal,
  { method, body }: SimRequest,
  query: URLSearchParams,
  [app, part, id, verb]: string[],
): Fields | null {
  if (query.get('hapikey') !== developerKey) {
    throw new HubspotError(401, {
      message: 'The API key used to make this call is expired or unknown.',
      category: 'INVALID_AUTHENTICATION',
    })
  }
  if (app !== appId) throw notFound()
  if (part === 'settings') return targetSettings(portal, method, body)
  if (part !== 'subscriptions') throw unknownUrl()
  if (id === undefined) {
    if (method === 'GET') return { results: subscriptionsOf(portal) }
    if (method === 'POST') return subscribe(portal, bodyOf(body))
    throw unknownUrl()
  }
  if (id === 'batch' && verb === 'update') {
    const inputs = (bodyOf(body).inputs ?? []) as { id: number; active: boolean }[]
    const results = inputs.map(({ id: each, active }) => switchOn(portal, String(each), active))
    return { status: 'COMPLETE', results }
  }
  if (!portal.notes('subscription').has(id)) throw notFound()
  if (method === 'GET') return portal.notes('subscription').get(id) as Fields
  if (method === 'PATCH') return switchOn(portal, id, bodyOf(body).active === true)
  if (method !== 'DELETE') throw unknownUrl()
  portal.note('subscription', id, null)
  return null
}

export function subscriptionsOf(portal: Portal): Subscription[] {
  return [...portal.notes('subscription').values()] as Subscription[]
}

/** Where the app wants its events, or null. */
export function targetOf(portal: Portal): string | null {
  const settings = portal.notes('webhook').get('settings') as { targetUrl: string } | undefined
  return settings?.targetUrl ?? null
}

function targetSettings(portal: Portal, method: string, body: string): Fields | null {
  const settings = portal.notes('webhook').get('settings')
  if (method === 'PUT') {
    const given = bodyOf(body)
    if (!/^https?:\/\//.test(plain(given.targetUrl))) {
      throw invalid('targetUrl must be a URL')
    }
    const at = new Date(portal.now()).toISOString()
    const old = settings as Fields | undefined
    const next = { ...given, createdAt: old?.createdAt ?? at, updatedAt: at }
    portal.note('webhook', 'settings', next)
    return next
  }
  if (settings === undefined) throw notFound()
  if (method === 'GET') return settings as Fields
  if (method !== 'DELETE') throw unknownUrl()
  portal.note('webhook', 'settings', null)
  return null
}

function subscribe(portal: Portal, given: Fields): Fields {
  const eventType = plain(given.eventType)
  if (!/^[a-z_]+\.[a-zA-Z]+$/.test(eventType)) throw invalid(`Unknown event type ${eventType}`)
  if (eventType.endsWith('.propertyChange') && given.propertyName === undefined) {
    throw invalid('propertyName is required for subscriptions to property changes')
  }
  if (subscriptionsOf(portal).length >= subscriptionsMax) {
    throw invalid(
      `The maximum number of subscriptions per application (${subscriptionsMax}) is reached`,
    )
  }
  const number = Number(portal.notes('counter').get('subscription') ?? 0) + 1
  const at = new Date(portal.now()).toISOString()
  const subscription = {
    ...given,
    id: number,
    eventType,
    active: given.active === true,
    createdAt: at,
    updatedAt: at,
  }
  portal.change(() => {
    portal.note('counter', 'subscription', number)
    portal.note('subscription', String(number), subscription)
  })
  return subscription
}

function switchOn(portal: Portal, id: string, active: boolean): Fields {
  const subscription = portal.notes('subscription').get(id)
  if (subscription === undefined) throw notFound()
  const updatedAt = new Date(portal.now()).toISOString()
  const changed = { ...(subscription as Fields), active, updatedAt }
  portal.note('subscription', id, changed)
  return changed
}
