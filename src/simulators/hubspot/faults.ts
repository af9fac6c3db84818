import type { FaultRule } from '../kit/faults.ts'
import { expiredToken, invalidToken } from './auth.ts'
import { HubspotError, edgeError, forbidden, limited, missingScopes } from './errors.ts'
import type { Portal } from './portal.ts'

/** Statuses that the network's edge sends. */
const edge = [502, 503, 504, 521, 522, 523, 524, 525, 526, 530]

const messages: Record<number, string> = {
  423: 'The resource is locked.',
  477: 'This account is being moved to another data center. Try again later.',
}

/** Throws what the provider answers in its own shape; other faults are left to the server. */
export function playFault(portal: Portal, fault: FaultRule): void {
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
  switch (fault.kind) {
    case 'rate_limit':
      throw limited(fault.code ?? 'TEN_SECONDLY_ROLLING', 'fault', headers)
    case 'server_error':
      throw serverError(fault.status ?? 500, headers)
    case 'unauthorized':
      if (fault.code === 'EXPIRED_AUTHENTICATION') {
        throw expiredToken(portal.now() - 75_000, portal.now())
      }
      throw invalidToken()
    case 'forbidden':
      if (fault.code === 'FORBIDDEN') {
        throw forbidden('You do not have permissions to view this object type')
      }
      throw missingScopes(['crm.objects.contacts.read'])
    case 'html':
    case 'reset':
    case 'cut':
    case 'slow':
    case 'stall':
    case 'latency':
      return
  }
}

function serverError(status: number, headers: Record<string, string>): HubspotError {
  if (edge.includes(status)) return edgeError(status, headers)
  return new HubspotError(status, { message: messages[status] ?? 'internal error' }, headers)
}
