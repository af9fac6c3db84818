import { AppError } from '../../domain/error.ts'
import type { Classified, FailedAnswer } from '../connector.ts'
import { asObject, asText, refusedOnTheWay, tryObject } from '../kit/answer.ts'

/** The `error` of Stripe's envelope; the message only serves to tell cases apart that have no code. */
type StripeError = {
  type: string | null
  code: string | null
  param: string | null
  message: string
}

/**
 * What Stripe's refusals mean (Stripe: "Errors", "Rate limits"). We only read so far: a request that is refused for what
 * it asks can only mean that this account or key cannot have it. `buckets`: the limits that a 429 may name.
 */
export function classify(answer: FailedAnswer, buckets: string[]): Classified | null {
  const error = errorOf(answer.body)
  const { status } = answer
  if (status === 401) return refusedKey(error)
  if (status === 429 || error?.code === 'rate_limit') return limited(answer, error, buckets)
  if (status === 409 || status === 424) {
    return { kind: 'transient', message: 'Stripe could not answer just now; this is tried again.' }
  }
  if (![400, 402, 403, 404].includes(status)) return null
  if (error === null) return refusedOnTheWay('Stripe', answer)
  if (status === 403) return forbidden(answer, error)
  if (status === 404) return absent(answer, error)
  return turnedDown(answer, error)
}

/** A feature that is off is refused without a code, and in prose only; a parameter of ours would be named. */
function turnedDown({ path }: FailedAnswer, error: StripeError): Classified {
  if (error.param === null && (error.code === null || isOff(error))) return off(path)
  const why = error.code ? ` (${error.code}${error.param ? ` on ${error.param}` : ''})` : ''
  return {
    kind: 'permanent',
    message: `Stripe refuses ${path.split('?')[0]}${why}, which it should not: report it as a bug of this connector.`,
  }
}

function isOff({ message }: StripeError): boolean {
  return /not (been )?(set up|enabled|activated|available|supported|onboarded)|(in|only) (test ?mode|live ?mode|sandbox)/i.test(
    message,
  )
}

/** Products of Stripe by what the path begins with. */
const products: [string, string][] = [
  ['/v1/issuing/', 'Issuing'],
  ['/v1/treasury/', 'Treasury'],
  ['/v1/terminal/', 'Terminal'],
  ['/v1/identity/', 'Identity'],
  ['/v1/climate/', 'Climate'],
  ['/v1/sigma/', 'Sigma'],
  ['/v1/radar/', 'Radar'],
  ['/v1/tax/', 'Tax'],
  ['/v1/financial_connections/', 'Financial Connections'],
  ['/v1/forwarding/', 'Forwarding'],
  ['/v1/apps/', 'Stripe Apps'],
  ['/v1/test_helpers/', 'Test clocks (sandboxes only)'],
]

function off(path: string): Classified {
  const where = path.split('?')[0]!
  const product = products.find(([prefix]) => where.startsWith(prefix))?.[1]
  return {
    kind: 'permanent',
    code: 'not-enabled',
    message: product
      ? `${product} is not enabled on this Stripe account, so there is nothing to read. It is read by itself once it is.`
      : `This Stripe account does not have ${where}, so there is nothing to read. It is read by itself once it has.`,
  }
}

/** An AppError for an answer that the caller had accepted and cannot use. */
export function refused(answer: FailedAnswer): AppError {
  const known = classify(answer, [])
  if (known) {
    return new AppError(known.kind, known.message, known.code ? { code: known.code } : {})
  }
  return new AppError(
    'transient',
    `Stripe answered with status ${answer.status}; this is tried again.`,
  )
}

/**
 * True: Stripe says that no such object exists. An unknown URL is a 404 too, without a code; a 404 that is not Stripe's
 * own, from something in between, proves nothing.
 */
export function isGone(answer: { status: number; body: string }): boolean {
  const error = errorOf(answer.body)
  if (answer.status !== 404 || error?.type !== 'invalid_request_error') return false
  if (error.code !== null) return error.code === 'resource_missing'
  return !/unrecognized request url/i.test(error.message)
}

export function errorOf(body: string): StripeError | null {
  const error = asObject(tryObject(body)?.['error'])
  if (!error) return null
  return {
    type: asText(error['type']),
    code: asText(error['code']),
    param: asText(error['param']),
    message: asText(error['message']) ?? '',
  }
}

/** Which of the `buckets` a path counts against; null: none of them. */
function bucketOf(path: string, buckets: string[]): string | null {
  const parts = path.split('?')[0]!.split('/')
  const fits = (bucket: string) => {
    const names = bucket.slice('GET '.length).split('/')
    return (
      names.length === parts.length &&
      names.every((name, at) => name === '{id}' || name === parts[at])
    )
  }
  return buckets.find(fits) ?? null
}

function refusedKey(error: StripeError | null): Classified {
  const message =
    error?.code === 'api_key_expired' || error?.code === 'platform_api_key_expired'
      ? 'The Stripe key has expired. Make a new one in the Dashboard and put it into the credential.'
      : 'Stripe refuses the key: it is wrong, rolled or revoked. Put a valid one into the credential.'
  return { kind: 'auth', message }
}

function forbidden(answer: FailedAnswer, error: StripeError): Classified {
  if (error.code === 'account_invalid') {
    return {
      kind: 'auth',
      message:
        'The key has no access to this Stripe account, or the access was revoked. Connect it anew.',
    }
  }
  // the only name of the permission is in the text: an identifier, not prose
  const permission = /\brak_[a-z_]+\b/.exec(error.message)?.[0]
  if (!permission && isOff(error)) return off(answer.path)
  const what = permission ? `the permission ${permission}` : `a permission`
  return {
    kind: 'permanent',
    message: `The restricted key lacks ${what} for ${answer.path.split('?')[0]}. Give it that read permission in the Stripe Dashboard.`,
  }
}

function absent(answer: FailedAnswer, error: StripeError): Classified {
  if (error.code === 'resource_missing') {
    return { kind: 'permanent', message: 'Stripe has no such object.' }
  }
  return off(answer.path)
}

function limited(answer: FailedAnswer, error: StripeError | null, buckets: string[]): Classified {
  // lock_timeout: another request holds the object, no limit was hit
  if (error?.code === 'lock_timeout') {
    return {
      kind: 'transient',
      message: 'Another request to Stripe holds the object.',
      retryAfterMs: 500,
    }
  }
  const reason = answer.headers['stripe-rate-limited-reason'] ?? ''
  return {
    kind: 'rate_limited',
    message: 'Stripe asks to slow down.',
    bucket: reason.startsWith('endpoint-') ? bucketOf(answer.path, buckets) : null,
  }
}
