import type { ErrorKind } from '../domain/error.ts'
import { AppError } from '../domain/error.ts'
import type { ProblemCode } from './problems.ts'
import { problems } from './problems.ts'

const codes: Record<ErrorKind, ProblemCode> = {
  transient: 'unavailable',
  rate_limited: 'rate-limited',
  auth: 'credential-rejected',
  permanent: 'upstream-refused',
  invalid: 'invalid',
  indeterminate: 'outcome-unknown',
  bug: 'internal',
  stopped: 'conflict',
  not_found: 'not-found',
  conflict: 'conflict',
  unauthenticated: 'unauthenticated',
  forbidden: 'forbidden',
  too_large: 'too-large',
}

type Problem = {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  request_id: string
  validation_errors?: Record<string, string[]>
}

/** The code of an error: its own where it is a known one, else that of its kind. */
function codeOf(error: AppError): ProblemCode {
  return error.code !== undefined && Object.hasOwn(problems, error.code)
    ? (error.code as ProblemCode)
    : codes[error.kind]
}

/**
 * The one way from an error to an answer. What is no {@link AppError} is a bug: it says nothing but where to look it up,
 * for its message may hold anything.
 */
export function problemOf(
  error: unknown,
  request: { instance: string; requestId: string },
): { status: number; headers: Record<string, string>; text: string } {
  const known = error instanceof AppError && error.kind !== 'bug' ? error : null
  const code = known === null ? 'internal' : codeOf(known)
  const { status, title } = problems[code]
  const body: Problem = {
    type: typeOf(code),
    title,
    status,
    detail:
      known?.message ??
      'An unexpected error. It is in the log of the server under this request_id.',
    instance: request.instance,
    request_id: request.requestId,
    ...(known?.fields === undefined ? {} : { validation_errors: known.fields }),
  }
  const headers = headersOf(status, known?.retryAfterMs)
  return { status, headers, text: JSON.stringify(body) }
}

/** Resolves at the server that answers, and to a heading in docs/errors.md. */
export function typeOf(code: ProblemCode): string {
  return `/docs/errors#${code}`
}

function headersOf(status: number, retryAfterMs: number | undefined): Record<string, string> {
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json' }
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer'
  const waits = status === 429 || status === 503
  if (waits || retryAfterMs !== undefined) {
    headers['Retry-After'] = String(Math.max(1, Math.ceil((retryAfterMs ?? 1000) / 1000)))
  }
  return headers
}
