/** Clocks run apart by less than this; NTP slews by at most as much. */
const DRIFT = 0.0005

/**
 * The database's clock, seen from this process. Each statement that brings the database's time also brings bounds for the
 * offset between the two clocks; all of them together are tighter than one. Times in ms, `local` by performance.now().
 */
export type DatabaseClock = {
  /** The database's clock stood at `databaseMs` at some moment between `sentMs` and `receivedMs`. */
  note(databaseMs: number, sentMs: number, receivedMs: number): void
  /** The local time at which the database's clock has surely reached `databaseMs`. */
  localMs(databaseMs: number): number
  /** What the database's clock surely shows at the local time, or shows soon. */
  databaseMs(localMs: number): number
  /** How far off both may be. */
  uncertaintyMs(): number
}

export function createDatabaseClock(): DatabaseClock {
  let low = -Infinity
  let high = Infinity
  let notedMs = 0
  return {
    note(databaseMs, sentMs, receivedMs) {
      const drift = Math.max(0, receivedMs - notedMs) * DRIFT
      notedMs = receivedMs
      low = Math.max(low - drift, databaseMs - receivedMs)
      high = Math.min(high + drift, databaseMs - sentMs)
      if (low <= high) return
      // the clock was set, or it is another server
      low = databaseMs - receivedMs
      high = databaseMs - sentMs
    },
    localMs: (databaseMs) => databaseMs - low,
    databaseMs: (localMs) => localMs + low,
    uncertaintyMs: () => high - low,
  }
}

/** ISO 8601 in UTC with microseconds. */
export function isoMicros(databaseMs: number): string {
  const us = Math.floor(databaseMs * 1000)
  const seconds = Math.floor(us / 1_000_000)
  const fraction = String(us - seconds * 1_000_000).padStart(6, '0')
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}
