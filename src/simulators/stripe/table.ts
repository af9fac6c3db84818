export type Ordered = {
  id: string
  /** Seconds. */ created: number
  /** Order of insertion. */ seq: number
}

/** Rows in order of creation, ties in order of insertion. */
export type Table<R extends Ordered> = {
  /** Oldest first. Not to be changed. */
  rows(): readonly R[]
  get(id: string): R | undefined
  /** Inserts, or replaces the row of the same id in its place. */
  put(row: R): void
  drop(id: string): void
  /** Drops the oldest `count` rows. */
  dropOldest(count: number): void
  /** How many rows stand before (`created`, `seq`). */
  before(created: number, seq: number): number
  readonly size: number
}

export function createTable<R extends Ordered>(): Table<R> {
  const byId = new Map<string, R>()
  let rows: R[] = []
  let sorted = true

  const settle = () => {
    if (!sorted) rows.sort(order)
    sorted = true
    return rows
  }
  const before = (created: number, seq: number) => {
    settle()
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      const row = rows[middle]!
      if (row.created < created || (row.created === created && row.seq < seq)) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    rows: settle,
    get: (id) => byId.get(id),
    before,
    put: (row) => {
      const old = byId.get(row.id)
      byId.set(row.id, row)
      if (old !== undefined && order(old, row) === 0) {
        if (sorted) rows[before(row.created, row.seq)] = row
        else rows[rows.indexOf(old)] = row
        return
      }
      if (old !== undefined) rows = rows.filter((other) => other !== old)
      const last = rows.at(-1)
      if (last !== undefined && order(last, row) > 0) sorted = false
      rows.push(row)
    },
    drop: (id) => {
      const row = byId.get(id)
      if (row === undefined) return
      byId.delete(id)
      rows.splice(before(row.created, row.seq), 1)
    },
    dropOldest: (count) => {
      for (const row of settle().splice(0, count)) byId.delete(row.id)
    },
    get size() {
      return rows.length
    },
  }
}

function order(a: Ordered, b: Ordered): number {
  return a.created - b.created || a.seq - b.seq
}

export type Window = {
  limit: number
  startingAfter?: Ordered
  endingBefore?: Ordered
  /** Creation times in seconds, both ends included. */
  from: number
  to: number
}

/** One page, newest first; `hasMore` is exact. */
export function pageOf<R extends Ordered>(
  table: Table<R>,
  window: Window,
  fits: ((row: R) => boolean) | null,
): { rows: R[]; hasMore: boolean } {
  const rows = table.rows()
  const { startingAfter, endingBefore, limit } = window
  let low = window.from === -Infinity ? 0 : table.before(window.from, -Infinity)
  let high = window.to === Infinity ? rows.length : table.before(window.to, Infinity)
  const found: R[] = []
  if (endingBefore !== undefined) {
    low = Math.max(low, table.before(endingBefore.created, endingBefore.seq + 0.5))
    for (let index = low; index < high; index++) {
      const row = rows[index]!
      if (fits !== null && !fits(row)) continue
      if (found.length === limit) return { rows: found.reverse(), hasMore: true }
      found.push(row)
    }
    return { rows: found.reverse(), hasMore: false }
  }
  if (startingAfter !== undefined) {
    high = Math.min(high, table.before(startingAfter.created, startingAfter.seq))
  }
  for (let index = high - 1; index >= low; index--) {
    const row = rows[index]!
    if (fits !== null && !fits(row)) continue
    if (found.length === limit) return { rows: found, hasMore: true }
    found.push(row)
  }
  return { rows: found, hasMore: false }
}
