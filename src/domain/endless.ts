/** Lists that never come to their end. Pure. */
import { AppError } from './error.ts'

/** `what`: `/v1/customers`, `acme:customer`. Tried again: it may be the fault of one server among many. */
export function endlessList(what: string): AppError {
  return new AppError(
    'transient',
    `The provider says that there is more of ${what}, and shows what it has shown before, or nothing. It is read again from there; if it goes on, tell the provider.`,
    { code: 'endless-list' },
  )
}

/**
 * Notices a walk from cursor to cursor that goes round in a circle, of whatever length, with one cursor kept (Brent, 1980): by
 * the third round at the latest. Returns true where it does.
 */
export function createCircleCheck(start: unknown): (cursor: unknown) => boolean {
  let kept = JSON.stringify(start)
  let steps = 0
  let stepsMax = 1
  return (cursor) => {
    const now = JSON.stringify(cursor)
    if (now === kept) return true
    steps += 1
    if (steps === stepsMax) {
      kept = now
      steps = 0
      stepsMax *= 2
    }
    return false
  }
}
