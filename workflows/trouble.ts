/** Failures as workflows see them: by type only, never by class of ours or by text. */
import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow'
import type { Run } from './run.ts'
import { block } from './run.ts'

export function typeOf(error: unknown): string | null {
  const cause = error instanceof ActivityFailure ? error.cause : error
  return cause instanceof ApplicationFailure ? (cause.type ?? null) : null
}

/** Our own sentence that the activity wrote. */
export function sentence(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error
  return cause instanceof Error
    ? cause.message
    : 'Something unexpected happened; it is tried again.'
}

/** What a slice's failure means for the sync. `again`: the loop goes on after a pause; else it stops. */
export function judge(run: Run, error: unknown): 'at once' | 'later' | 'stop' {
  const type = typeOf(error)
  if (type === 'auth') {
    block(run, sentence(error))
    return 'stop'
  }
  if (type === 'not_found') {
    run.status = 'deleted'
    return 'stop'
  }
  if (type === 'stopped') return 'at once'
  run.trouble = { message: sentence(error), sinceMs: Date.now() }
  return 'later'
}
