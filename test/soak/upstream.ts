import type { Random } from '../support/random.ts'

const states = ['A', 'B', 'C'] as const
/** Few enough that the same record is met again and again by everybody. */
const idsMax = 40
/** So long a listing still shows what was deleted, as it last was. */
const listingLagMs = 400

type Thing = {
  state: (typeof states)[number]
  version: number
  deletedAt: number | null
  /** Creation time, ms: listings are cut by it. */
  createdMs: number
}

/** What one request sees of one object. */
export type Seen = { id: string; raw: string | null; version: bigint | null }
export type Change = Seen & { atMs: number }

/** One collection of the upstream account: objects that flip between three states, are deleted and come back. */
export class Collection {
  readonly name: string
  readonly #versioned: boolean
  readonly #things = new Map<string, Thing>()
  /** Every change, in order: what a feed reads. */
  readonly changes: Change[] = []

  constructor(name: string, versioned: boolean) {
    this.name = name
    this.#versioned = versioned
  }

  change(random: Random): void {
    const id = `thing_${random.int(idsMax)}`
    const thing = this.#things.get(id)
    if (thing === undefined) {
      this.#things.set(id, { state: 'A', version: 1, deletedAt: null, createdMs: random.int(1000) })
    } else if (thing.deletedAt !== null) {
      thing.deletedAt = null
    } else if (random.chance(0.15)) {
      thing.deletedAt = performance.now()
    } else {
      thing.state = random.pick(states.filter((state) => state !== thing.state))
      thing.version++
    }
    this.changes.push({ ...this.look(id), atMs: Date.now() })
  }

  look(id: string): Seen {
    const thing = this.#things.get(id)
    if (thing === undefined || thing.deletedAt !== null) return { id, raw: null, version: null }
    return this.#shown(id, thing)
  }

  /** A page of a listing, by id. Its index lags: what was just deleted still stands there. */
  list(after: string, limit: number, span: { loMs: number | null; hiMs: number | null }): Seen[] {
    const now = performance.now()
    return [...this.#things]
      .filter(([id, { deletedAt, createdMs }]) => {
        const inSpan = createdMs >= (span.loMs ?? 0) && createdMs < (span.hiMs ?? Infinity)
        return id > after && inSpan && (deletedAt === null || now - deletedAt < listingLagMs)
      })
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([id, thing]) => this.#shown(id, thing))
  }

  /** Id → body of what is there; null: deleted. */
  snapshot(): Map<string, string | null> {
    return new Map([...this.#things.keys()].map((id) => [id, this.look(id).raw]))
  }

  #shown(id: string, { state, version }: Thing): Seen {
    const raw = JSON.stringify({ id, state, note: `${this.name} `.repeat(10) })
    return { id, raw, version: this.#versioned ? BigInt(version) : null }
  }
}
