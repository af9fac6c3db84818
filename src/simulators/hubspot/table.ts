import type { Row } from './objectTypes.ts'

/** Records of one type, live and archived apart, each by id ascending. */
export type Table = {
  /** Live or archived. */
  get(id: string): Row | undefined
  live(): readonly Row[]
  archived(): readonly Row[]
  /** Inserts, or replaces the row of the same id; it stands among the live or the archived as its date says. */
  put(row: Row): void
  drop(id: string): void
}

export function createTable(): Table {
  const byId = new Map<string, Row>()
  const live: Row[] = []
  const archived: Row[] = []
  const side = (row: Row) => (row.archivedMs === null ? live : archived)
  const take = (row: Row) => {
    const rows = side(row)
    rows.splice(firstAfter(rows, Number(row.id) - 1), 1)
  }
  return {
    get: (id) => byId.get(id),
    live: () => live,
    archived: () => archived,
    put: (row) => {
      const old = byId.get(row.id)
      byId.set(row.id, row)
      const rows = side(row)
      if (old !== undefined && side(old) === rows) {
        rows[firstAfter(rows, Number(row.id) - 1)] = row
        return
      }
      if (old !== undefined) take(old)
      rows.splice(firstAfter(rows, Number(row.id)), 0, row)
    },
    drop: (id) => {
      const row = byId.get(id)
      if (row === undefined) return
      byId.delete(id)
      take(row)
    },
  }
}

/** Place of the first row with an id greater than `id`. */
export function firstAfter(rows: readonly Row[], id: number): number {
  let low = 0
  let high = rows.length
  if (high === 0 || Number(rows[high - 1]!.id) <= id) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (Number(rows[middle]!.id) <= id) low = middle + 1
    else high = middle
  }
  return low
}
