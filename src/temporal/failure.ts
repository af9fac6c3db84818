/** The only place where errors become Temporal's. A workflow branches on `type`, which is the kind; nothing else crosses. */
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common'
import type { ErrorKind } from '../domain/error.ts'
import { AppError } from '../domain/error.ts'
import { limits } from '../domain/limits.ts'

type Treatment = { retryable: boolean; benign: boolean; delayMs: number | null }

/** What Temporal does with each kind. `delayMs`: the wait where the error names none; null: the retry policy's own. */
const treatments: Record<ErrorKind, Treatment> = {
  transient: { retryable: true, benign: false, delayMs: null },
  rate_limited: { retryable: true, benign: true, delayMs: 1_000 },
  auth: { retryable: false, benign: true, delayMs: null },
  permanent: { retryable: false, benign: false, delayMs: null },
  invalid: { retryable: false, benign: true, delayMs: null },
  indeterminate: { retryable: false, benign: false, delayMs: null },
  bug: { retryable: true, benign: false, delayMs: limits.bugBackoffMs },
  stopped: { retryable: false, benign: true, delayMs: null },
  not_found: { retryable: false, benign: true, delayMs: null },
  conflict: { retryable: false, benign: true, delayMs: null },
  unauthenticated: { retryable: false, benign: true, delayMs: null },
  forbidden: { retryable: false, benign: true, delayMs: null },
  too_large: { retryable: false, benign: true, delayMs: null },
}

/**
 * The failure of an activity, with the error's own sentence and nothing else: no cause, stack or details, which could carry
 * parameters of a statement or a provider's text into the history. `attempt` (from 1) stretches the back-off of bugs.
 */
export function toFailure(error: unknown, attempt = 1): ApplicationFailure {
  const kind = error instanceof AppError ? error.kind : 'bug'
  const { retryable, benign, delayMs } = treatments[kind]
  const asked = error instanceof AppError ? error.retryAfterMs : undefined
  const waitMs = asked ?? (kind === 'bug' ? stretched(delayMs, attempt) : delayMs)
  const failure = ApplicationFailure.create({
    message: error instanceof AppError ? error.message : unexpected(error),
    type: kind,
    nonRetryable: !retryable,
    ...(retryable && waitMs !== null ? { nextRetryDelay: Math.max(1, Math.round(waitMs)) } : {}),
    ...(benign ? { category: ApplicationFailureCategory.BENIGN } : {}),
  })
  failure.stack = ''
  return failure
}

/** For the activity of a worker that was declared dead: another one runs it, at once. */
export function takenOver(): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message: 'The worker that ran this slice shows no sign of life; another one takes it over.',
    type: 'transient',
    nextRetryDelay: 1,
    category: ApplicationFailureCategory.BENIGN,
  })
  failure.stack = ''
  return failure
}

function unexpected(error: unknown): string {
  const name =
    error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'an unknown error'
  return `Something unexpected happened in our own code (${name}); the log of the worker has it. It is tried again.`
}

function stretched(delayMs: number | null, attempt: number): number | null {
  if (delayMs === null) return null
  return Math.min(delayMs * 2 ** Math.min(attempt - 1, 10), limits.bugBackoffMaxMs)
}
