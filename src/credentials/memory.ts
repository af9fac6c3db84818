import type { Context } from '../connectors/connector.ts'
import { isAppError } from '../domain/error.ts'

const keptMax = 5_000

/** What connectors remember of accounts, in this process: an entry a credential and key, one load at a time. */
export type Memory = (credentialId: string) => Context['remember']

export function createMemory(now: () => number = () => performance.now()): Memory {
  const kept = new Map<string, { value: Promise<unknown>; atMs: number; loading: boolean }>()
  return (credentialId) =>
    async <T>(key: string, maxAgeMs: number, load: () => Promise<T>): Promise<T> => {
      const name = `${credentialId} ${key}`
      const known = kept.get(name)
      if (known !== undefined && (known.loading || now() - known.atMs < maxAgeMs)) {
        try {
          return (await known.value) as T
        } catch (error) {
          // stopped was whoever began it, not we
          if (!isAppError(error, 'stopped')) throw error
        }
      }
      const value = load()
      const entry = { value, atMs: now(), loading: maxAgeMs > 0 }
      kept.delete(name)
      kept.set(name, entry)
      const oldest = kept.keys().next().value
      if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest)
      try {
        return await value
      } catch (error) {
        if (kept.get(name) === entry) kept.delete(name)
        throw error
      } finally {
        entry.loading = false
      }
    }
}

/** For contexts of a few requests. */
export const forgetful: Context['remember'] = async (_key, _maxAgeMs, load) => await load()
