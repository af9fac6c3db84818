import { createHmac } from 'node:crypto'
import type { Change, Webhooks } from '../connector.ts'
import { asObject, asText } from '../kit/answer.ts'
import { constantTimeEqual } from '../kit/crypto.ts'
import { typeNames } from './dynamic.ts'
import { pairName, pairs } from './pairs.ts'

/** HubSpot: a request is refused when it is older than five minutes; here in both directions. */
const AGE_MAX_MS = 300_000

/** Of the address, these are hashed as they were before they were encoded (HubSpot: "Validating requests"). */
const decoded: Record<string, string> = {
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

/**
 * Signature v3: base64 HMAC-SHA256 with the client secret over method, address, body and time. An event is a hint at its
 * record, never a record: events come twice, in any order, and with one property each.
 */
export const webhooks: Webhooks = {
  verify({ headers, body, secret, nowMs, url, account }) {
    const signature = headers['x-hubspot-signature-v3'] ?? ''
    const time = headers['x-hubspot-request-timestamp'] ?? ''
    const sentMs = Number(time)
    if (!/^\d{10,16}$/.test(time) || Math.abs(nowMs - sentMs) > AGE_MAX_MS) return null
    const expected = createHmac('sha256', secret)
      .update(`POST${plain(url)}`)
      .update(body)
      .update(time)
      .digest('base64')
    if (!constantTimeEqual(signature, expected)) return null
    return eventsIn(body).flatMap((event) =>
      account !== null && idOf(event['portalId']).some((portal) => portal !== account)
        ? []
        : hintsOf(event),
    )
  },
  byHand:
    'Enter this address as the target URL of the webhooks of your app at HubSpot (Settings of the app, Webhooks), subscribe to the events of the objects that you sync, and call this again with the client secret of the app as `secret`.',
}

function plain(url: string): string {
  return url.replaceAll(/%[0-9A-Fa-f]{2}/g, (code) => decoded[code.toUpperCase()] ?? code)
}

function eventsIn(body: Uint8Array): Record<string, unknown>[] {
  try {
    const given: unknown = JSON.parse(new TextDecoder().decode(body))
    return (Array.isArray(given) ? (given as unknown[]) : [given]).flatMap((event) => {
      const one = asObject(event)
      return one === null ? [] : [one]
    })
  } catch {
    return []
  }
}

const objects: Record<string, string> = {
  contact: 'contacts',
  company: 'companies',
  deal: 'deals',
  ticket: 'tickets',
  line_item: 'line_items',
  product: 'products',
}

function hintsOf(event: Record<string, unknown>): Change[] {
  const type = asText(event['subscriptionType']) ?? asText(event['eventType']) ?? ''
  const [object = '', action = ''] = type.split('.')
  if (action === 'associationChange') return pairHints(event)
  const collection = objects[object] ?? typeNames[String(event['objectTypeId'])]
  if (collection === undefined) return []
  const merged = Array.isArray(event['mergedObjectIds'])
    ? (event['mergedObjectIds'] as unknown[])
    : []
  const ids = [event['objectId'], event['primaryObjectId'], event['newObjectId'], ...merged]
  return [...new Set(ids.flatMap(idOf))].map((id) => ({ collection, id, raw: null }))
}

/** Either direction is told; the collection has one. */
function pairHints(event: Record<string, unknown>): Change[] {
  const [from] = idOf(event['fromObjectId'])
  const [to] = idOf(event['toObjectId'])
  const names = endsOf(event)
  if (from === undefined || to === undefined || names === null) return []
  const known = new Set(pairs.map(pairName))
  const ahead = { collection: pairName(names), id: `${from}/${to}`, raw: null }
  const back = { collection: pairName([names[1], names[0]]), id: `${to}/${from}`, raw: null }
  return [ahead, back].filter(({ collection }) => known.has(collection))
}

function endsOf(event: Record<string, unknown>): [string, string] | null {
  const [from, to] = [
    typeNames[String(event['fromObjectTypeId'])],
    typeNames[String(event['toObjectTypeId'])],
  ]
  if (from !== undefined && to !== undefined) return [from, to]
  const [first = '', second = ''] = (asText(event['associationType']) ?? '')
    .toLowerCase()
    .split('_to_')
  const names = [objects[first], objects[second]]
  return names[0] !== undefined && names[1] !== undefined ? [names[0], names[1]] : null
}

function idOf(value: unknown): string[] {
  return /^\d{1,20}$/.test(String(value)) ? [String(value)] : []
}
