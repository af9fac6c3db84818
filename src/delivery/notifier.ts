import type { Sql } from '../db/pools.ts'

/** Channel on which writers say that a stream moved (stream/wake.ts); the payload is a stream_no. */
const channel = 'sluice_stream'

export type Notifier = {
  /** Calls `moved` at every word that the stream moved, and when words may have been lost. Returns the way out. */
  subscribe(streamNo: number, moved: () => void): () => void
  close(): Promise<void>
}

/**
 * One LISTEN for the process. A word may be lost (while the connection is down): whoever waits must look by itself from
 * time to time, too.
 */
export function createNotifier(sql: Sql): Notifier {
  const subscribers = new Map<number, Set<() => void>>()
  let listening: Promise<{ unlisten(): Promise<void> } | null> | null = null

  const heard = (payload: string) => {
    for (const moved of subscribers.get(Number(payload)) ?? []) moved()
  }
  const heardAll = () => {
    for (const set of subscribers.values()) for (const moved of set) moved()
  }
  const listen = async () => {
    try {
      return await sql.listen(channel, heard, heardAll)
    } catch {
      listening = null // the next subscriber tries again
      return null
    }
  }

  return {
    subscribe(streamNo, moved) {
      listening ??= listen()
      const set = subscribers.get(streamNo) ?? new Set()
      subscribers.set(streamNo, set.add(moved))
      return () => {
        set.delete(moved)
        if (set.size === 0 && subscribers.get(streamNo) === set) subscribers.delete(streamNo)
      }
    },
    async close() {
      subscribers.clear()
      const open = await listening
      await open?.unlisten().catch(() => {})
    },
  }
}
