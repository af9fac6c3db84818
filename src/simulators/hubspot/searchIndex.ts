import type { Row } from './objectTypes.ts'

/**
 * The second copy of the records, which search reads. A change reaches it some time after it was made; the changes of one
 * record never overtake each other.
 */
export type SearchIndex = {
  /** `row` as it is now, searchable from `visibleAt` on (milliseconds). */
  note(type: string, row: Row, visibleAt: number): void
  drop(type: string, id: string): void
  /** What search sees of a type, by id. */
  rows(type: string, now: number): ReadonlyMap<string, Row>
}

type Shelf = { seen: Map<string, Row>; due: Map<string, { row: Row; at: number }[]> }

export function createSearchIndex(): SearchIndex {
  const shelves = new Map<string, Shelf>()
  const shelfOf = (type: string): Shelf => {
    let shelf = shelves.get(type)
    if (shelf === undefined) shelves.set(type, (shelf = { seen: new Map(), due: new Map() }))
    return shelf
  }
  return {
    note: (type, row, at) => {
      const { due } = shelfOf(type)
      const waiting = due.get(row.id)
      if (waiting === undefined) due.set(row.id, [{ row, at }])
      else waiting.push({ row, at })
    },
    drop: (type, id) => {
      shelfOf(type).seen.delete(id)
      shelfOf(type).due.delete(id)
    },
    rows: (type, now) => {
      const { seen, due } = shelfOf(type)
      for (const [id, waiting] of due) {
        // A later version that is there first carries the earlier ones with it.
        const last = waiting.findLastIndex(({ at }) => at <= now)
        if (last < 0) continue
        seen.set(id, waiting[last]!.row)
        if (last === waiting.length - 1) due.delete(id)
        else waiting.splice(0, last + 1)
      }
      return seen
    },
  }
}
