import type { Now } from '../kit/clock.ts'
import { openLedger } from '../kit/ledger.ts'
import type { Random } from '../kit/random.ts'
import { createRandom } from '../kit/random.ts'
import type { PortalEvent } from './events.ts'
import { createLinks } from './links.ts'
import type { Links, Place } from './links.ts'
import type { Property } from './properties.ts'
import { standardProperties } from './properties.ts'
import { createSearchIndex } from './searchIndex.ts'
import type { SearchIndex } from './searchIndex.ts'
import type { Settings } from './settings.ts'
import { createTable } from './table.ts'
import type { Table } from './table.ts'
import { standardTypes } from './objectTypes.ts'
import type { Json, ObjectType, Row } from './objectTypes.ts'

/** Archived records vanish after so long. */
const binMs = 90 * 86_400_000

/** What is written down in one step: a change of the portal is all or nothing. */
type Op =
  | ['portal', { id: string; seed: number; createdMs: number }]
  | ['type', ObjectType]
  | ['property', type: string, Property]
  | ['put', type: string, Row]
  | ['drop', type: string, id: string, survivor: string | null]
  | ['link', from: Place, to: Place, typeIds: readonly number[]]
  | ['note', kind: string, id: string, Json]

export type Portal = {
  /** Digits. */
  id: string
  seed: number
  createdMs: number
  /** True: read from a directory, not new. */
  restored: boolean
  settings: Settings
  random: Random
  now: Now
  /** Milliseconds in which things happen now. */
  ms(): number
  /** Lets `work` happen in a millisecond of the past; it is searchable at once. */
  backdate<T>(ms: number, work: () => T): T
  types(): ObjectType[]
  /** By name, type id or fully qualified name. */
  typeOf(name: string): ObjectType | null
  addType(type: ObjectType): void
  properties(type: ObjectType): ReadonlyMap<string, Property>
  putProperty(type: ObjectType, property: Property): void
  table(type: ObjectType): Table
  /** A record that is not purged yet; follows the ids that were merged away. */
  find(type: ObjectType, id: string): Row | null
  put(type: ObjectType, row: Row): void
  /** Takes a record away for good; `survivor`: its id now leads there. */
  drop(type: ObjectType, id: string, survivor: string | null): void
  /** Id of the record that an id was merged into, or null. */
  survivor(type: ObjectType, id: string): string | null
  fates(type: ObjectType): { archived: string[]; merged: Record<string, string>; gone: string[] }
  index: SearchIndex
  links: Links
  /** Sets the association types of both sides. */
  link(from: Place, to: Place, there: readonly number[], back: readonly number[]): void
  /** Small facts of a kind by id, in the order in which they came: owners, lists, tokens … */
  notes(kind: string): ReadonlyMap<string, Json>
  /** Null: forget it. */
  note(kind: string, id: string, value: Json): void
  nextId(): string
  /** Told of what happens to records, each in its turn. */
  listeners: Set<(event: PortalEvent) => void>
  tell(event: PortalEvent): void
  change<T>(work: () => T): T
  close(): void
}

export type PortalOptions = {
  seed: number
  portalId: string | null
  now: Now
  /** Directory to remember in; null: memory only. */
  dir: string | null
  settings: Settings
}

/** Opens the portal in `dir`, or makes an empty one. */
export function openPortal(options: PortalOptions): Portal {
  const { now, settings } = options
  const state = createState()
  state.head = {
    id: options.portalId ?? `4${createRandom(options.seed).digits(7)}`,
    seed: options.seed,
    createdMs: now() - 760 * 86_400_000,
  }
  const startedMs = state.head.createdMs
  for (const type of standardTypes) {
    state.apply(['type', type])
    for (const property of standardProperties(type, new Date(startedMs).toISOString())) {
      state.apply(['property', type.name, property])
    }
  }
  const ledger = openLedger<Op>(options.dir, state.apply, state.everything)
  for (const [name, table] of state.tables) {
    for (const row of table.live()) state.index.note(name, row, -Infinity)
  }
  // A restarted portal must not tell the same numbers again.
  const random = createRandom(state.head.seed + state.lastId * 7919)
  let backdated: number | null = null

  const visibleAt = (): number => {
    if (backdated !== null) return -Infinity
    const lag = settings.indexLagMs
    return now() + (typeof lag === 'number' ? lag : random.int(lag[0], lag[1]))
  }
  const purged = (row: Row) => row.archivedMs !== null && row.archivedMs + binMs < now()
  const portal: Portal = {
    ...state.head,
    restored: ledger.restored,
    settings,
    random,
    now,
    ms: () => backdated ?? now(),
    backdate: (ms, work) => {
      const outer = backdated
      backdated = ms
      try {
        return work()
      } finally {
        backdated = outer
      }
    },
    types: () => [...state.types.values()],
    typeOf: (name) => state.types.get(name) ?? state.typeIds.get(name) ?? null,
    addType: (type) => ledger.record(['type', type]),
    properties: (type) => state.properties.get(type.name)!,
    putProperty: (type, property) => ledger.record(['property', type.name, property]),
    table: (type) => state.tables.get(type.name)!,
    find: (type, id) => {
      const row = state.tables.get(type.name)!.get(portal.survivor(type, id) ?? id)
      return row === undefined || purged(row) ? null : row
    },
    put: (type, row) => {
      ledger.record(['put', type.name, row])
      state.index.note(type.name, row, visibleAt())
    },
    drop: (type, id, survivor) => ledger.record(['drop', type.name, id, survivor]),
    survivor: (type, id) => state.survivor(type.name, id),
    fates: (type) => ({
      archived: state.tables
        .get(type.name)!
        .archived()
        .filter((row) => !purged(row))
        .map(({ id }) => id),
      merged: Object.fromEntries(
        [...state.merged.get(type.name)!.keys()].map((id) => [id, state.survivor(type.name, id)!]),
      ),
      gone: [...state.gone.get(type.name)!],
    }),
    index: state.index,
    links: state.links,
    link: (from, to, there, back) => {
      ledger.record(['link', from, to, there])
      ledger.record(['link', to, from, back])
    },
    notes: (kind) => state.notes.get(kind) ?? new Map(),
    note: (kind, id, value) => ledger.record(['note', kind, id, value]),
    nextId: () => String(state.lastId + random.int(1, 5)),
    listeners: new Set(),
    tell: (event) => {
      for (const listener of portal.listeners) listener(event)
    },
    change: (work) => ledger.change(work),
    close: () => ledger.close(),
  }
  return portal
}

/** The portal's facts, and the one place where they change. */
function createState() {
  const types = new Map<string, ObjectType>()
  const typeIds = new Map<string, ObjectType>()
  const properties = new Map<string, Map<string, Property>>()
  const tables = new Map<string, Table>()
  const merged = new Map<string, Map<string, string>>()
  const gone = new Map<string, Set<string>>()
  const notes = new Map<string, Map<string, Json>>()
  const links = createLinks()
  const index = createSearchIndex()
  const state = {
    head: { id: '', seed: 0, createdMs: 0 },
    lastId: 10_000_000,
    types,
    typeIds,
    properties,
    tables,
    merged,
    gone,
    notes,
    links,
    index,
    survivor: (type: string, id: string): string | null => {
      const survivors = merged.get(type)
      let found: string | null = null
      for (let next = survivors?.get(id); next !== undefined; next = survivors?.get(next)) {
        found = next
      }
      return found
    },
    apply: (op: Op): void => {
      switch (op[0]) {
        case 'portal':
          state.head = op[1]
          return
        case 'type': {
          const [, type] = op
          if (!tables.has(type.name)) {
            tables.set(type.name, createTable())
            properties.set(type.name, new Map())
            merged.set(type.name, new Map())
            gone.set(type.name, new Set())
          }
          types.set(type.name, type)
          typeIds.set(type.typeId, type)
          return
        }
        case 'property':
          properties.get(op[1])!.set(op[2].name, op[2])
          return
        case 'put':
          state.lastId = Math.max(state.lastId, Number(op[2].id))
          tables.get(op[1])!.put(op[2])
          return
        case 'drop': {
          const [, type, id, survivor] = op
          tables.get(type)!.drop(id)
          index.drop(type, id)
          if (survivor === null) gone.get(type)!.add(id)
          else merged.get(type)!.set(id, survivor)
          return
        }
        case 'link':
          links.set(op[1], op[2], op[3])
          return
        case 'note': {
          const [, kind, id, value] = op
          let facts = notes.get(kind)
          if (facts === undefined) notes.set(kind, (facts = new Map()))
          if (value === null) facts.delete(id)
          else facts.set(id, value)
        }
      }
    },
    *everything(): Iterable<Op[]> {
      yield [['portal', state.head]]
      for (const type of types.values()) yield [['type', type]]
      for (const [type, all] of properties) {
        for (const property of all.values()) yield [['property', type, property]]
      }
      for (const [type, table] of tables) {
        for (const row of [...table.live(), ...table.archived()]) yield [['put', type, row]]
        for (const [id, survivor] of merged.get(type)!) yield [['drop', type, id, survivor]]
        for (const id of gone.get(type)!) yield [['drop', type, id, null]]
      }
      for (const [from, to, typeIds] of links.entries()) yield [['link', from, to, typeIds]]
      for (const [kind, facts] of notes) {
        for (const [id, value] of facts) yield [['note', kind, id, value]]
      }
    },
  }
  return state
}
