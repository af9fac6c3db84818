import type { Sql } from '../db/pools.ts'
import type { Found } from '../store/apiKeys.ts'
import { findCaller, keysChannel, noteKeyUsed } from '../store/apiKeys.ts'
import type { Db } from '../store/page.ts'

/** A key is looked up again after this long, whatever was heard. */
const keptMs = 1000
const keptMax = 10_000

export type Callers = {
  /** Null: unknown or revoked. At once where the key was seen a moment ago. `now`: of a clock that nobody sets back. */
  find(keyHash: string, now: number): Found | Promise<Found | null>
  /** A key was revoked here. */
  clear(): void
}

/**
 * Keys that were seen a moment ago, so that a worker's thousand calls of `next` a second are not as many lookups. A
 * revoked key stops at once: its process forgets all it knows, the others when they hear of it (NOTIFY). Nothing is kept
 * before the first LISTEN stands. The driver does not tell when that connection is lost: it listens again by itself, and all
 * is forgotten then; until then a revoked key stops after `keptMs`.
 */
export function createCallers(db: Db, sql: Sql): Callers {
  const kept = new Map<string, { found: Found; until: number }>()
  /** Lookups under way: when what is kept runs out, a service's hundreds of calls ask for the same key at once. */
  const asked = new Map<string, Promise<Found | null>>()
  let listening: Promise<unknown> | null = null
  let hears = false
  /** A lookup that began before a change must not be kept after it. */
  let changes = 0

  const clear = () => {
    changes++
    kept.clear()
    asked.clear()
  }
  const listen = async () => {
    try {
      await sql.listen(keysChannel, clear, clear)
      hears = true
    } catch {
      listening = null
    }
  }

  const lookUp = async (hash: string, now: number) => {
    const before = changes
    const found = await findCaller(db, hash)
    if (found === null) return null
    if (!found.usedRecently) await noteKeyUsed(db, found.caller.tenantId, found.caller.keyId)
    if (hears && before === changes) {
      if (kept.size >= keptMax) kept.clear()
      kept.set(hash, { found, until: now + keptMs })
    }
    return found
  }

  return {
    clear,
    find(hash, now) {
      listening ??= listen()
      const known = kept.get(hash)
      if (known !== undefined && known.until > now) return known.found
      const underWay = asked.get(hash)
      if (underWay !== undefined) return underWay
      const lookedUp = lookUp(hash, now).finally(() => {
        if (asked.get(hash) === lookedUp) asked.delete(hash)
      })
      if (hears) asked.set(hash, lookedUp)
      return lookedUp
    },
  }
}
