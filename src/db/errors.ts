import postgres from 'postgres'
import { AppError } from '../domain/error.ts'

/** SQLSTATEs of our own functions. */
export const sqlStates = { fenced: 'SL001', noSuchConsumer: 'SL003' } as const

/**
 * Whatever the database threw, as an AppError in our own words. An AppError passes as it is. The driver's errors carry
 * parameters, so they stay behind as `cause` and are never printed from there.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const state = stateOf(error)
  if (state === sqlStates.fenced) {
    return new AppError(
      'stopped',
      'Another run took this work over, or it was paused: nothing was written.',
      {
        code: 'fenced',
        cause: error,
      },
    )
  }
  if (state === sqlStates.noSuchConsumer) {
    return new AppError('not_found', 'There is no such consumer: it may have been deleted.', {
      cause: error,
    })
  }
  if (isTransient(state)) {
    return new AppError('transient', 'The database did not answer as it should. Try again.', {
      retryAfterMs: 1000,
      details: { sqlstate: state },
      cause: error,
    })
  }
  return new AppError('bug', 'A database statement failed in a way that nobody foresaw.', {
    details: { sqlstate: state },
    cause: error,
  })
}

/** Runs `work`; what it throws comes out as an AppError. */
export async function withAppErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toAppError(error)
  }
}

/** The SQLSTATE, or the driver's or the socket's own code (`CONNECTION_CLOSED`, `ECONNREFUSED`). */
function stateOf(error: unknown): string | null {
  if (error instanceof postgres.PostgresError) return error.code
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  if (typeof code === 'string') return code
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? null : stateOf(cause)
}

/** Deadlock, serialisation, lock or statement timeout, connection, resources, shutdown; a read-only standby after failover. */
function isTransient(state: string | null): boolean {
  if (state === null) return false
  return (
    /^(40001|40P01|55P03|57014|25006|25P03|08\w{3}|53\w{3}|57P0\w)$/.test(state) ||
    /^(CONNECTION_|CONNECT_TIMEOUT$|ECONN|EPIPE$|ETIMEDOUT$|EAI_AGAIN$|ENOTFOUND$|EHOSTUNREACH$|ENETUNREACH$)/.test(
      state,
    )
  )
}
