import type { Now } from '../kit/clock.ts'
import { openLedger } from '../kit/ledger.ts'
import type { Random } from '../kit/random.ts'
import { createRandom } from '../kit/random.ts'
import type { Collection, Json, Stored, StripeObject } from './objects.ts'
import { childrenOf, createdOf, keyOf, storedCollections } from './objects.ts'
import type { Ordered, Table } from './table.ts'
import { createTable } from './table.ts'

export type Row = Ordered & {
  value: StripeObject
  /** JSON text by id and in a list, made when first asked for. */ text: string | null
  listText: Buffer | null
}
export type EventRow = Ordered & {
  type: string
  /** Milliseconds. */ visibleAt: number
  text: string
}

export type Settings = {
  /** An event can be listed so many ms after it happened at the latest, by chance sooner. */
  visibilityDelayMs: number
  /** Chance that an event has a twin: another id, the same content. */
  twinProbability: number
  /** Status for a `starting_after` that names nothing: not documented. */
  missingCursorStatus: 400 | 404
  /** Documented rate limits on. */
  limits: boolean
  /** Waits between the tries of a webhook delivery; after the last one it is given up. */
  webhookRetriesMs: number[]
  /** A delivery starts so many ms later at the most, by chance: arrivals are out of order. */
  webhookJitterMs: number
  /** Chance that a delivery comes twice. */
  webhookTwinProbability: number
  /** Products that the account does not have: their lists are refused. `Issuing`, … */
  off: string[]
  /** Version in which events are rendered, and answers to requests that name none. */
  apiVersion: string
}

/** What is written down in one step: a change of the account is all or nothing. */
type Op =
  | ['account', { id: string; livemode: boolean; seed: number; createdMs: number }]
  | ['put', Stored, number, StripeObject]
  | ['drop', Stored, string]
  | ['stub', Stored, string]
  | ['event', number, number, number, string, string, string]
  | ['note', string, Json]

export type Account = {
  id: string
  livemode: boolean
  /** Milliseconds. */
  createdMs: number
  /** True: read from a directory, not new. */
  restored: boolean
  seed: number
  settings: Settings
  random: Random
  now: Now
  /** The request that causes what happens now; both null: nobody asked for it. */
  cause: { id: string | null; idempotency_key: string | null }
  tables: Record<Stored, Table<Row>>
  events: Table<EventRow>
  /** Told of each new event. */
  onEvent: ((row: EventRow) => void) | null
  /** Small facts that survive a restart: keys, idempotency, endpoints. */
  notes: Map<string, Json>
  newId(prefix: string, length: number): string
  get(collection: Collection, id: string): StripeObject | null
  /** True: once was there and is deleted. */
  deleted(collection: Collection, id: string): boolean
  put(collection: Stored, value: StripeObject): void
  /** Takes an object away; `stub`: and remembers that it was deleted. */
  drop(collection: Stored, id: string, stub: boolean): void
  /** The second in which things happen now. */
  seconds(): number
  /** Lets `work` happen in a second of the past. */
  backdate<T>(second: number, work: () => T): T
  addEvent(event: {
    id: string
    created: number
    visibleAt: number
    type: string
    text: string
  }): void
  note(key: string, value: Json): void
  /** Runs `work` and writes down what it changed in one piece, before it returns. */
  change<T>(work: () => T): T
  /** The subscription that an item belongs to. */
  parentOf(itemId: string): StripeObject | null
  close(): void
}

export type AccountOptions = {
  seed: number
  accountId: string | null
  livemode: boolean
  now: Now
  /** Directory to remember in; null: memory only. */
  dir: string | null
  settings: Settings
}

const eventsMax = 100_000
const retentionS = 30 * 86_400

/** Opens the account in `dir`, or makes an empty one. */
export function openAccount(options: AccountOptions): Account {
  const { now, settings } = options
  const tables = Object.fromEntries(
    storedCollections.map((name) => [name, createTable<Row>()]),
  ) as Record<Stored, Table<Row>>
  const events = createTable<EventRow>()
  const stubs = new Set<string>()
  const parents = new Map<string, string>()
  const notes = new Map<string, Json>()
  let head = {
    id: options.accountId ?? `acct_1${createRandom(options.seed).text(15)}`,
    livemode: options.livemode,
    seed: options.seed,
    createdMs: now() - 760 * 86_400_000,
  }
  let seq = 0
  let backdated: number | null = null

  const apply = (op: Op): void => {
    switch (op[0]) {
      case 'account':
        head = op[1]
        return
      case 'put': {
        const [, collection, rowSeq, value] = op
        seq = Math.max(seq, rowSeq)
        const row = {
          id: keyOf(collection, value),
          created: createdOf(value),
          seq: rowSeq,
          value,
          text: null,
          listText: null,
        }
        tables[collection].put(row)
        if (collection === 'subscription') {
          for (const item of childrenOf(value)) parents.set(item.id, value.id)
        }
        return
      }
      case 'drop':
        tables[op[1]].drop(op[2])
        return
      case 'stub':
        stubs.add(`${op[1]} ${op[2]}`)
        return
      case 'event': {
        const [, rowSeq, created, visibleAt, type, id, text] = op
        seq = Math.max(seq, rowSeq)
        events.put({ id, created, seq: rowSeq, visibleAt, type, text })
        return
      }
      case 'note':
        if (op[2] === null) notes.delete(op[1])
        else notes.set(op[1], op[2])
    }
  }
  function* everything(): Iterable<Op[]> {
    yield [['account', head]]
    for (const [key, value] of notes) yield [['note', key, value]]
    for (const name of storedCollections) {
      for (const row of tables[name].rows()) yield [['put', name, row.seq, row.value]]
    }
    for (const stub of stubs) {
      const [collection, id] = stub.split(' ') as [Stored, string]
      yield [['stub', collection, id]]
    }
    for (const row of events.rows()) {
      yield [['event', row.seq, row.created, row.visibleAt, row.type, row.id, row.text]]
    }
  }
  const purge = () => {
    const surplus = events.size - eventsMax
    const aged = events.before(Math.floor(now() / 1000) - retentionS, -Infinity)
    if (surplus > 1000) events.dropOldest(surplus)
    else if (aged > 0) events.dropOldest(aged)
  }
  const ledger = openLedger(options.dir, apply, everything)
  const { record, restored } = ledger
  if (restored) purge()
  // A restarted account must not tell the same ids again.
  const random = createRandom(head.seed + seq * 7919)

  const account: Account = {
    id: head.id,
    livemode: head.livemode,
    createdMs: head.createdMs,
    seed: head.seed,
    restored,
    settings,
    random,
    now,
    cause: { id: null, idempotency_key: null },
    tables,
    events,
    onEvent: null,
    notes,
    newId: (prefix, length) =>
      prefix + (length > 14 ? `1${random.text(length - 1)}` : random.text(length)),
    get: (collection, id) => {
      if (collection !== 'subscription_item') return tables[collection].get(id)?.value ?? null
      const parent = account.parentOf(id)
      return parent === null ? null : (childrenOf(parent).find((item) => item.id === id) ?? null)
    },
    deleted: (collection, id) => stubs.has(`${collection} ${id}`),
    put: (collection, value) => {
      const old = tables[collection].get(keyOf(collection, value))
      record(['put', collection, old?.seq ?? seq + 1, value])
    },
    drop: (collection, id, stub) => {
      record(['drop', collection, id])
      if (stub) record(['stub', collection, id])
    },
    seconds: () => backdated ?? Math.floor(now() / 1000),
    backdate: (second, work) => {
      const outer = backdated
      backdated = second
      try {
        return work()
      } finally {
        backdated = outer
      }
    },
    addEvent: ({ id, created, visibleAt, type, text }) => {
      record(['event', seq + 1, created, visibleAt, type, id, text])
      account.onEvent?.({ id, created, seq, visibleAt, type, text })
      purge()
    },
    note: (key, value) => record(['note', key, value]),
    change: (work) => ledger.change(work),
    parentOf: (itemId) => {
      const parent = parents.get(itemId)
      return parent === undefined ? null : (tables.subscription.get(parent)?.value ?? null)
    },
    close: () => ledger.close(),
  }
  return account
}
