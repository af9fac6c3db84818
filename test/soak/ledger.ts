import { decodeToken } from '../../src/delivery/token.ts'
import type { Counts } from '../support/counts.ts'

/** With synchronous_commit off the WAL writer is at most three rounds of 200 ms behind; a busy machine gets more. */
const unflushedMs = 3000

/** A record as its consumer has it. */
export type Kept = { idx: number; data: string; deleted: boolean }

/** One delivery that a worker holds. */
export type Held = {
  token: string
  recordId: string
  idx: number
  /** When its ack_wait ends, by the database; null: not known. */
  dueMs: number | null
  /** Whole milliseconds, cut off. */
  receivedMs: number
  /** An ack, nack or release was sent: it may come again any time. */
  over: boolean
  /** A crash may have taken the claim back: it may come again any time, and the token before it may count again. */
  undone: boolean
}

/**
 * What one consumer was given, kept outside of the database: no record twice in flight, no version after a newer one (G5),
 * no token that counts after its replacement (G6), and in the end every last version acked (G4).
 */
export class Ledger {
  readonly name: string
  readonly #counts: Counts
  readonly #held = new Map<string, Held>()
  readonly #newest = new Map<string, number>()
  readonly acked = new Map<string, number>()
  /** Acks whose answer was lost: either is right. */
  readonly maybeAcked = new Map<string, number>()
  readonly view = new Map<string, Kept>()

  constructor(name: string, counts: Counts) {
    this.name = name
    this.#counts = counts
  }

  /** At the moment it comes. False: it is older than one that came before, which only its time being over excuses. */
  received(held: Held): boolean {
    if (held.idx < (this.#newest.get(held.recordId) ?? 0)) return false
    const before = this.#held.get(held.recordId)
    if (
      before !== undefined &&
      !before.over &&
      !before.undone &&
      held.receivedMs + 1 < (before.dueMs ?? 0)
    ) {
      const leftMs = Math.round(before.dueMs! - held.receivedMs)
      this.#violation('doubled in flight', `${held.recordId} came again ${leftMs} ms too early`)
    }
    this.#newest.set(held.recordId, held.idx)
    this.#held.set(held.recordId, held)
    return true
  }

  /** `live`: the database counts it as out although a newer one came before. */
  cameBackwards(held: Held, live: boolean): void {
    const sentence = `${held.recordId} came as ${held.idx} after ${this.#newest.get(held.recordId)}`
    if (live) this.#violation('out of order', sentence)
    else this.#counts.add('deliveries that came after their time')
  }

  /** The worker has done its work: the view is what a downstream table would hold. */
  processed(recordId: string, kept: Kept): void {
    const before = this.view.get(recordId)
    if (before === undefined || kept.idx >= before.idx) this.view.set(recordId, kept)
  }

  isReplaced(held: Held): boolean {
    const newest = this.#held.get(held.recordId)
    return newest !== held && newest?.undone === false
  }

  ackAnswered(held: Held, wasReplaced: boolean, acked: number | null): void {
    if (acked === null) this.maybeAcked.set(held.recordId, held.idx)
    else if (acked > 0) {
      if (wasReplaced) {
        const newer = this.#held.get(held.recordId)!
        const laterMs = newer.receivedMs - held.receivedMs
        const sentence = `${held.recordId} at ${held.idx}, given again ${laterMs} ms later as ${newer.idx}`
        this.#violation('late ack counted', `${sentence} (ops ${opOf(held)} and ${opOf(newer)})`)
      }
      this.acked.set(held.recordId, Math.max(held.idx, this.acked.get(held.recordId) ?? 0))
    } else this.#counts.add('acks stale')
  }

  /** The database crashed: claims of the last moments had not reached the disk and are taken back. */
  crashed(atMs: number): void {
    for (const held of this.#held.values())
      if (held.receivedMs > atMs - unflushedMs) held.undone = true
  }

  #violation(kind: string, sentence: string): void {
    this.#counts.violation(kind, `${this.name}: ${sentence}`)
  }
}

function opOf({ token }: Held): string | undefined {
  return decodeToken(token)?.op
}
