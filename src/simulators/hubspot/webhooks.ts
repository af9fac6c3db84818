import { createHash, createHmac } from 'node:crypto'
import { createDeliveries } from '../kit/deliver.ts'
import { appId } from './auth.ts'
import type { PortalEvent } from './events.ts'
import type { Portal } from './portal.ts'
import type { Fields, ObjectType } from './objectTypes.ts'
import type { Subscription } from './webhookManagement.ts'
import { subscriptionsOf, targetOf } from './webhookManagement.ts'

const batchMax = 100
const timeoutMs = 5000
/** Events are gathered for so long before they are sent together. */
const gatherMs = 20

/** `X-HubSpot-Signature` of version 1: SHA-256 of secret and body. */
export function signV1(secret: string, body: string): string {
  return createHash('sha256')
    .update(secret + body)
    .digest('hex')
}

/** `X-HubSpot-Signature-v3`: HMAC-SHA256 of method, URL, body and time, the URL with these escapes undone. */
export function signV3(secret: string, url: string, body: string, timestamp: number): string {
  return createHmac('sha256', secret)
    .update(`POST${unescaped(url)}${body}${timestamp}`)
    .digest('base64')
}

/** Sends what happens to the app's target, where it is subscribed to. `close` gives up what is under way. */
export function startDelivery(portal: Portal, secret: string): { close(): void } {
  const deliveries = createDeliveries()
  let waiting: Fields[] = []
  const flush = () => {
    const events = shuffled(portal, waiting)
    waiting = []
    for (let from = 0; from < events.length; from += batchMax) {
      const batch = events.slice(from, from + batchMax)
      const wait = Math.floor(portal.random.next() * portal.settings.webhookJitterMs)
      deliveries.later(wait, () => send(batch))
    }
  }
  const send = (batch: Fields[]) =>
    deliveries.post(
      (attemptNumber) => {
        const url = targetOf(portal)
        if (url === null) return null
        const body = JSON.stringify(batch.map((event) => ({ ...event, attemptNumber })))
        const timestamp = portal.now()
        return {
          url,
          body,
          headers: {
            'content-type': 'application/json',
            'user-agent': 'HubSpot Connect 2.0 (http://dev.hubspot.com/)',
            'x-hubspot-signature': signV1(secret, body),
            'x-hubspot-signature-version': 'v1',
            'x-hubspot-signature-v3': signV3(secret, url, body, timestamp),
            'x-hubspot-request-timestamp': String(timestamp),
          },
        }
      },
      portal.settings.webhookRetriesMs,
      timeoutMs,
    )
  const listener = (event: PortalEvent) => {
    if (targetOf(portal) === null) return
    for (const subscription of subscriptionsOf(portal)) {
      if (!subscription.active || !wants(subscription, event)) continue
      const told = announced(portal, subscription, event)
      if (told === null) continue
      if (waiting.length === 0) deliveries.later(gatherMs, flush)
      waiting.push(told)
      if (portal.random.chance(portal.settings.webhookTwinProbability)) waiting.push(told)
    }
  }
  portal.listeners.add(listener)
  return {
    close: () => {
      deliveries.close()
      portal.listeners.delete(listener)
    },
  }
}

function wants({ eventType, propertyName, objectTypeId }: Subscription, event: PortalEvent) {
  const [subject, kind] = eventType.split('.')
  if (kind !== event.kind) return false
  const fits =
    subject === 'object'
      ? objectTypeId === undefined || objectTypeId === event.type.typeId
      : subject === event.type.singular
  return fits && (event.kind !== 'propertyChange' || propertyName === event.name)
}

function announced(portal: Portal, subscription: Subscription, event: PortalEvent): Fields | null {
  const base: Fields = {
    eventId: portal.random.int(1, 2 ** 31),
    subscriptionId: subscription.id,
    portalId: Number(portal.id),
    appId: Number(appId),
    occurredAt: portal.ms(),
    subscriptionType: subscription.eventType,
    attemptNumber: 0,
    changeSource: 'CRM_UI',
    sourceId: 'userId:42',
  }
  if (subscription.eventType.startsWith('object.')) base.objectTypeId = event.type.typeId
  const objectId = Number(event.id)
  switch (event.kind) {
    case 'membership':
      return null
    case 'creation':
      return { ...base, objectId, changeFlag: 'CREATED' }
    case 'deletion':
      return { ...base, objectId, changeFlag: 'DELETED' }
    case 'restore':
    case 'privacyDeletion':
      return { ...base, objectId }
    case 'propertyChange':
      return { ...base, objectId, propertyName: event.name, propertyValue: event.value }
    case 'merge':
      return {
        ...base,
        objectId,
        primaryObjectId: Number(event.primaryId),
        mergedObjectIds: event.mergedIds.map(Number),
        newObjectId: objectId,
        numberOfPropertiesMoved: event.moved,
      }
    case 'associationChange':
      return {
        ...base,
        associationType: `${upper(event.type)}_TO_${upper(event.toType)}`,
        fromObjectId: objectId,
        toObjectId: Number(event.toId),
        associationRemoved: event.removed,
        isPrimaryAssociation: event.primary,
        fromObjectTypeId: event.type.typeId,
        toObjectTypeId: event.toType.typeId,
        associationTypeId: event.typeId,
      }
  }
}

function upper(type: ObjectType): string {
  return type.singular.toUpperCase()
}

function shuffled(portal: Portal, events: Fields[]): Fields[] {
  const mixed = [...events]
  for (let index = mixed.length - 1; index > 0; index--) {
    const other = portal.random.int(0, index)
    const kept = mixed[index]!
    mixed[index] = mixed[other]!
    mixed[other] = kept
  }
  return mixed
}

const escapes: Record<string, string> = {
  '%3A': ':',
  '%2F': '/',
  '%3F': '?',
  '%40': '@',
  '%21': '!',
  '%24': '$',
  '%27': "'",
  '%28': '(',
  '%29': ')',
  '%2A': '*',
  '%2C': ',',
  '%3B': ';',
}

function unescaped(url: string): string {
  return url.replaceAll(/%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi, (found) => {
    return escapes[found.toUpperCase()]!
  })
}
