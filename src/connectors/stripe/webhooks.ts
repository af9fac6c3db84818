import type { Change, Webhooks } from '../connector.ts'
import { asObject, asText, tryObject } from '../kit/answer.ts'
import { constantTimeEqual, hmacSha256Hex } from '../kit/crypto.ts'
import { nestedOf } from './collections.ts'
import { registration } from './endpoints.ts'
import { changesOf, hint, readEvent } from './events.ts'

/** Stripe's own libraries refuse a signature that is older; we also refuse one from the future. */
const AGE_MAX_SECONDS = 300

/**
 * `Stripe-Signature: t=…,v1=…`: HMAC-SHA256 over `t.body` with the whole secret, `whsec_` included. Several `v1` stand
 * there while a secret is rolled; other schemes count for nothing. A webhook is a hint only: it is rendered at the
 * version of its endpoint, and comes in any order.
 */
export const webhooks: Webhooks = {
  verify({ headers, body, secret, nowMs }) {
    const signed = readSignature(headers['stripe-signature'] ?? '')
    if (!signed || Math.abs(nowMs / 1000 - Number(signed.second)) > AGE_MAX_SECONDS) return null
    const expected = hmacSha256Hex(secret, [`${signed.second}.`, body])
    const matches = signed.signatures.map((signature) => constantTimeEqual(signature, expected))
    return matches.includes(true) ? hintsOf(new TextDecoder().decode(body)) : null
  },
  ...registration,
}

function readSignature(header: string): { second: string; signatures: string[] } | null {
  const parts = header.split(',').map((part) => part.trim().split('='))
  const second = parts.find(([scheme]) => scheme === 't')?.[1] ?? ''
  const signatures = parts.flatMap(([scheme, value]) => (scheme === 'v1' && value ? [value] : []))
  if (!/^\d+$/.test(second) || signatures.length === 0) return null
  return { second, signatures }
}

/** An event as a snapshot, or thin (`v2.core.event`), which only names its object. */
function hintsOf(text: string): Change[] {
  const value = tryObject(text)
  if (!value) return []
  const related = asObject(value['related_object'])
  if (!related) {
    const event = readEvent({ raw: text, value })
    return event ? changesOf(event, null) : []
  }
  const id = asText(related['id'])
  const collection = asText(related['type'])?.replaceAll('.', '_')
  return id !== null && collection && nestedOf(collection) ? [hint(collection, id)] : []
}
