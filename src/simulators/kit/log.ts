/** One answered (or broken) request. */
export type LogEntry = {
  /** Milliseconds since 1970, when the request arrived. */
  at: number
  method: string
  path: string
  /** Without the question mark. */
  query: string
  /** 0: the connection was broken before a status was sent. */
  status: number
  /** Last four characters of the key that was used, never more; empty: none. */
  key: string
  /** The provider's own id of the request, where it sends one. */
  requestId: string
  /** Which fault was played, if any. */
  fault: string | null
}

/** Entries kept; the oldest half goes when there are more. */
const entriesMax = 200_000

export type RequestLog = { entries: LogEntry[]; add(entry: LogEntry): void; clear(): void }

/** Request log in memory. `entries` is always the same array. */
export function createRequestLog(): RequestLog {
  const entries: LogEntry[] = []
  return {
    entries,
    add: (entry) => {
      entries.push(entry)
      if (entries.length > entriesMax) entries.splice(0, entriesMax / 2)
    },
    clear: () => {
      entries.length = 0
    },
  }
}
