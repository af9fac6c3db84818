import type { Sql } from '../db/pools.ts'
import { consumerInfo } from './info.ts'
import type { Info } from './info.ts'
import type { Item } from './next.ts'

/** What is said is never older than this, and than `movedMs` where something moved and the count, not being capped, is cheap. */
const anyMs = 1000
const movedMs = 100

/** How much a consumer has still to come, and out: asked of the database now and then, reckoned in between. */
export class Tally {
  readonly #sql: Sql
  #info: (Info & { at: number; moves: number }) | null = null
  /** Counts what may have brought something that the reckoning does not see. */
  #moves = 0

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get numPending(): number {
    return this.#info?.numPending ?? 0
  }

  get numAckPending(): number {
    return Math.max(0, this.#info?.numAckPending ?? 0)
  }

  moved(): void {
    this.#moves++
  }

  forget(): void {
    this.#info = null
  }

  /** Deliveries that are out no more: done, or to come again. */
  settled(count: number, again: boolean): void {
    if (this.#info === null) return
    this.#info.numAckPending -= count
    if (again && !this.#info.capped) this.#info.numPending += count
  }

  /** What is claimed must be handed out even where the database does not tell how much is left. */
  async claimed(consumerNo: number, items: Item[]): Promise<void> {
    const known = this.#info
    if (known !== null) {
      if (!known.capped) known.numPending = Math.max(0, known.numPending - items.length)
      known.numAckPending += items.length
      if (!this.#outdated(known, items)) return
    }
    const moves = this.#moves
    const info = await consumerInfo(this.#sql, consumerNo).catch(() => null)
    if (info !== null) this.#info = { ...info, at: performance.now(), moves }
  }

  /** "Nothing is left" is never reckoned: workers end by it, and the word of what came may still be on its way. */
  #outdated(known: Info & { at: number; moves: number }, items: Item[]): boolean {
    const ageMs = performance.now() - known.at
    if (ageMs > anyMs) return true
    if (known.capped) return false
    if (items.length > 0 && known.numPending === 0) return true
    // it may have been out until this claim, or not
    if (items.some(({ redelivered }) => redelivered)) return true
    return known.moves !== this.#moves && ageMs > movedMs
  }
}
