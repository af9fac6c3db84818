/**
 * The one error class for expected failures. `kind` is closed: it decides what Temporal does (temporal/failure.ts)
 * and what an API caller sees (api/problem.ts). Programmer errors are plain errors, thrown by `assert`.
 */
export type ErrorKind =
  | 'transient' // timeout, reset, 5xx, unreadable answer, database connection: try again soon
  | 'rate_limited' // told to wait: not a failure
  | 'auth' // the credential is refused
  | 'permanent' // this collection or endpoint cannot be had with this credential: scope, plan, feature off
  | 'invalid' // the input is wrong: nothing to retry
  | 'indeterminate' // a write was sent and no answer came
  | 'bug' // an assertion or something unknown
  | 'stopped' // paused, fenced or aborted: somebody else decided that this work ends
  // only towards API callers
  | 'not_found'
  | 'conflict'
  | 'unauthenticated'
  | 'forbidden'
  | 'too_large'

export type ErrorOptions = {
  /** Stable slug of the problem type, a heading in docs/errors.md. Default: the kind's own (api/problem.ts). */
  code?: string
  retryAfterMs?: number
  /** Field -> reasons, for 422. Names as on the wire. */
  fields?: Record<string, string[]>
  /** Small, loggable, free of secrets and of provider or SQL text. */
  details?: Record<string, string | number | boolean | null>
  cause?: unknown
}

export class AppError extends Error {
  override readonly name = 'AppError'
  readonly kind: ErrorKind
  readonly code: string | undefined
  readonly retryAfterMs: number | undefined
  readonly fields: Record<string, string[]> | undefined
  readonly details: Record<string, string | number | boolean | null>

  /** `message` is a sentence in our own words that says what is wrong and, where possible, what to do. */
  constructor(kind: ErrorKind, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.kind = kind
    this.code = options.code
    this.retryAfterMs = options.retryAfterMs
    this.fields = options.fields
    this.details = options.details ?? {}
  }
}

export function isAppError(error: unknown, kind?: ErrorKind): error is AppError {
  return error instanceof AppError && (kind === undefined || error.kind === kind)
}

/** For programmer errors: what must hold whatever the world does. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${sentence}`)
}
