import { AppError } from '../../domain/error.ts'
import type { Classified, FailedAnswer } from '../connector.ts'
import { asObject, asText, refusedOnTheWay, tryObject } from '../kit/answer.ts'
import { untilMidnightMs } from './times.ts'

/** The part of HubSpot's envelope that tells cases apart; every field may be missing. */
type Envelope = {
  category: string | null
  policy: string | null
  message: string
  scopes: string[]
}

/** What `classify` may know besides the answer. */
type At = { config: Record<string, string>; nowMs: number }

/** Which limit the searches count against, for all types together. */
export const SEARCH = 'search'

/**
 * What HubSpot's refusals mean (HubSpot: "Error handling", "API usage guidelines"; errors of the edge as others saw them).
 * Of a 403 nobody can tell a permission from a missing subscription or a trial that has ended, but for missing scopes.
 */
export function classify(answer: FailedAnswer, at?: At): Classified | null {
  const { status } = answer
  const envelope = envelopeOf(answer.body)
  const path = answer.path.split('?')[0]!
  if (status === 429) return limited(answer, envelope, at)
  if (status === 401) return unauthorized(envelope)
  // the envelope may lack any field, but the pages of proxies and of HubSpot's edge are none
  if ([400, 403, 404].includes(status) && tryObject(answer.body) === null)
    return refusedOnTheWay('HubSpot', answer)
  if (status === 403) return forbidden(envelope, path)
  if (status === 530)
    return { kind: 'auth', message: 'HubSpot does not take the token: it is malformed.' }
  if (status === 423)
    return { kind: 'transient', message: 'HubSpot holds a lock just now.', ...wait(answer, 2_000) }
  if (status === 477)
    return { kind: 'transient', message: 'HubSpot moves this account between data centres.' }
  if (status === 404)
    return { kind: 'permanent', message: `HubSpot has nothing at ${path} for this account.` }
  if (status === 400 || status === 414)
    return { kind: 'permanent', message: `HubSpot refuses the request to ${path}.` }
  return null
}

/** An AppError for an answer that the caller had accepted and cannot use. */
export function refused(answer: FailedAnswer): AppError {
  const { kind, message } = classify(answer) ?? {
    kind: 'transient' as const,
    message: `HubSpot answered with status ${answer.status}; this is tried again.`,
  }
  return new AppError(kind, message)
}

/** True: everything is refused to this account, not one thing for want of a scope. */
export function isShut(answer: FailedAnswer): boolean {
  if (answer.status !== 403) return false
  if (tryObject(answer.body) === null) throw refused(answer)
  return envelopeOf(answer.body).scopes.length === 0
}

function envelopeOf(body: string): Envelope {
  const given = tryObject(body)
  const errors = Array.isArray(given?.['errors']) ? (given['errors'] as unknown[]) : []
  const scopes = errors.flatMap((error) => {
    const context = asObject(asObject(error)?.['context'])
    return ['requiredGranularScopes', 'requiredScopes'].flatMap((key) => names(context?.[key]))
  })
  const category = asText(given?.['category'])
  return {
    category,
    policy: asText(given?.['policyName']),
    message: asText(given?.['message']) ?? '',
    scopes: category === 'MISSING_SCOPES' && scopes.length === 0 ? ['?'] : [...new Set(scopes)],
  }
}

/** Identifiers only: nothing else of HubSpot's text is ever shown. */
function names(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value.filter((one): one is string => /^[\w.-]{1,100}$/.test(String(one))).slice(0, 10)
}

function unauthorized({ category }: Envelope): Classified {
  return {
    kind: 'auth',
    message:
      category === 'EXPIRED_AUTHENTICATION'
        ? 'The access token for HubSpot has expired. Put in a new one, or connect the account anew.'
        : 'HubSpot refuses the token: it is wrong, rotated or revoked. Put in a valid one, or connect the account anew.',
  }
}

function forbidden({ scopes }: Envelope, path: string): Classified {
  const known = scopes.filter((scope) => scope !== '?')
  if (scopes.length > 0) {
    const which = known.length === 0 ? 'a scope' : `the scope ${known.join(' or ')}`
    return {
      kind: 'permanent',
      message: `The token lacks ${which} for ${path}. Add it to the app, and put in the token that it then has.`,
    }
  }
  return {
    kind: 'permanent',
    message: `HubSpot does not let this token read ${path}: its user may not, the subscription does not include it, or a trial has ended.`,
  }
}

function limited(answer: FailedAnswer, { policy, message }: Envelope, at: At | undefined) {
  const daily = policy === 'DAILY' || /\bdaily limit\b/i.test(message)
  const secondly = policy === 'SECONDLY' || /\bsecondly limit\b/i.test(message)
  if (daily) {
    const zone = at?.config['time_zone']
    return {
      kind: 'rate_limited' as const,
      message: `The requests of the day are spent for this HubSpot account, by all its apps together. They begin anew at its midnight (${zone ?? 'UTC'}).`,
      retryAfterMs: untilMidnightMs(at?.nowMs ?? Date.now(), zone),
      bucket: null,
    }
  }
  const bucket = secondly || answer.path.split('?')[0]!.endsWith('/search') ? SEARCH : null
  return {
    kind: 'rate_limited' as const,
    message: 'HubSpot asks to slow down.',
    ...wait(answer, bucket === SEARCH ? 1_000 : policy === null ? 1_000 : 10_000),
    bucket,
  }
}

/** HubSpot's own word goes first. */
function wait({ headers }: FailedAnswer, ms: number): { retryAfterMs?: number } {
  return headers['retry-after'] === undefined ? { retryAfterMs: ms } : {}
}

/** Throws unless HubSpot itself says that there is no such object: a 404 of anything in between proves nothing. */
export function isNotFound(
  answer: { status: number; headers: Record<string, string>; body: string },
  path: string,
): true {
  const { category, message } = envelopeOf(answer.body)
  const own = category === 'OBJECT_NOT_FOUND' || /\bnot found\b|does not exist/i.test(message)
  if (answer.status === 404 && own) return true
  throw refused({ ...answer, path })
}
