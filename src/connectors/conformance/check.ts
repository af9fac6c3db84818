import { isDeepStrictEqual } from 'node:util'
import { isAppError, type AppError } from '../../domain/error.ts'

/** Throws a sentence of the contract that does not hold, and what was seen instead. */
export function holds(condition: boolean, sentence: string, seen?: unknown): void {
  if (!condition) throw new Error(seen === undefined ? sentence : `${sentence}: ${shown(seen)}`)
}

export function equal(actual: unknown, expected: unknown, sentence: string): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${sentence}: got ${shown(actual)}, expected ${shown(expected)}`)
  }
}

/** Both records, but only where they differ. */
export function equalRecords(
  actual: Record<string, unknown>,
  expected: Record<string, unknown>,
  sentence: string,
): void {
  const differ = [...new Set([...Object.keys(actual), ...Object.keys(expected)])].filter(
    (key) => !isDeepStrictEqual(actual[key], expected[key]),
  )
  holds(differ.length === 0, sentence, {
    missing: differ.filter((key) => actual[key] === undefined),
    extra: differ.filter((key) => expected[key] === undefined),
    changed: differ.filter((key) => actual[key] !== undefined && expected[key] !== undefined),
  })
}

/** The AppError that `work` ends with. */
export async function failure(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work()
  } catch (error) {
    if (isAppError(error)) return error
    throw error
  }
  throw new Error('the work fails')
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 800)
}
