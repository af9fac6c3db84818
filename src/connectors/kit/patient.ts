import { isAppError, type AppError } from '../../domain/error.ts'
import { inParallel } from './parallel.ts'

/** Reads for one page that may fail in passing: after so many nothing more is begun. */
export const FAILURES_MAX = 5

/**
 * `inParallel`, where a read that fails in passing does not throw away what the others read: it gives null, and so does what
 * was not begun after `FAILURES_MAX` failures, for a provider that asks to wait shall not be asked a hundred times. What
 * does not pass by itself is thrown.
 */
export async function inParallelPatiently<In, Out>(
  items: In[],
  limit: number,
  work: (item: In) => Promise<Out>,
): Promise<{ results: (Out | null)[]; failures: AppError[] }> {
  const failures: AppError[] = []
  const results = await inParallel(items, limit, async (item): Promise<Out | null> => {
    if (failures.length >= FAILURES_MAX) return null
    try {
      return await work(item)
    } catch (error) {
      if (!isPassing(error)) throw error
      failures.push(error)
      return null
    }
  })
  return { results, failures }
}

/** A list without an end is one at the next look too. */
function isPassing(error: unknown): error is AppError {
  if (isAppError(error, 'rate_limited')) return true
  return isAppError(error, 'transient') && error.code !== 'endless-list'
}
