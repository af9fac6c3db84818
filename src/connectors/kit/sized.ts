import { isAppError } from '../../domain/error.ts'
import type { UpstreamAnswer } from '../connector.ts'

/** Characters of a page below which twice as many objects are asked for next. */
const ROOMY_CHARS = 8 * 1024 * 1024

/**
 * Asks for a page of `limit` objects, and of half as many again and again where the answer is larger than what is read of
 * one. A single object beyond that stays the error that it is. `next`: how many to ask for on the next page, at most `most`.
 */
export async function askSized(
  limit: number,
  most: number,
  ask: (limit: number) => Promise<UpstreamAnswer>,
): Promise<{ answer: UpstreamAnswer; next: number }> {
  for (let size = limit; ; size = Math.floor(size / 2)) {
    try {
      const answer = await ask(size)
      const roomy = answer.body.length < ROOMY_CHARS
      return { answer, next: roomy ? Math.min(most, size * 2) : size }
    } catch (error) {
      if (!isTooLarge(error) || size === 1) throw error
    }
  }
}

/** The answer is larger than what is read of one: fewer objects may fit. */
export function isTooLarge(error: unknown): boolean {
  return isAppError(error, 'permanent') && error.code === 'answer-too-large'
}
