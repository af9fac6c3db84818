import { associate } from './associate.ts'
import { archive, create, merge } from './change.ts'
import { addList, joinList } from './lists.ts'
import { addOwner, archiveOwner, allOwners } from './owners.ts'
import type { Portal } from './portal.ts'
import { addSchema } from './schemas.ts'
import { plain } from './objectTypes.ts'
import type { ObjectType } from './objectTypes.ts'
import { valuesFor } from './values.ts'

const dayMs = 86_400_000

/** Records of each type as shares of the total; the custom object takes what `cars` says. */
const shares: Record<string, number> = {
  contacts: 0.4,
  companies: 0.14,
  deals: 0.1,
  tickets: 0.06,
  products: 0.01,
  line_items: 0.06,
  quotes: 0.01,
  leads: 0.02,
  calls: 0.04,
  emails: 0.05,
  meetings: 0.02,
  notes: 0.04,
  tasks: 0.03,
  communications: 0.01,
  cars: 0.01,
}

/**
 * About `total` records over all types, of the last two years, some of them modified in one and the same millisecond; owners,
 * lists with members, a custom object, associations, and a bin with archived and merged ones.
 */
export function seedPortal(portal: Portal, total: number): void {
  const { random } = portal
  const end = portal.now() - 60_000
  const imported = end - random.int(30, 300) * dayMs
  const past = <T>(work: () => T): T =>
    portal.backdate(random.chance(0.05) ? imported : end - random.int(0, 730 * dayMs), work)
  portal.change(() => {
    for (let count = 0; count < 8; count++) past(() => addOwner(portal))
    past(() => archiveOwner(portal, plain(allOwners(portal)[0]!.id)))
    past(() =>
      addSchema(portal, {
        name: 'cars',
        labels: { singular: 'Car', plural: 'Cars' },
        properties: [
          { name: 'model', type: 'string' },
          { name: 'year', type: 'number' },
        ],
        primaryDisplayProperty: 'model',
        associatedObjects: ['contacts'],
      }),
    )
  })
  for (const [name, share] of Object.entries(shares)) {
    const type = typeOf(portal, name)
    const count = Math.max(2, Math.round(total * share))
    for (let index = 0; index < count; index++) {
      past(() => create(portal, type, valuesFor(portal, type)))
    }
  }
  portal.change(() => seedLinks(portal, past))
  portal.change(() => seedBin(portal, past))
  portal.change(() => {
    for (let count = 0; count < 5; count++) {
      const list = past(() => addList(portal, { processingType: count % 2 ? 'DYNAMIC' : 'MANUAL' }))
      for (const { id } of some(portal, typeOf(portal, 'contacts'), total * 0.02)) {
        past(() => joinList(portal, plain(list.listId), id))
      }
    }
  })
}

/** So many records modified within one minute a day ago, every second one of them in the same millisecond. */
export function seedMinute(portal: Portal, type: ObjectType, count: number): void {
  const minute = Math.floor(portal.now() / 60_000) * 60_000 - dayMs
  portal.change(() => {
    for (let index = 0; index < count; index++) {
      const ms = index % 2 === 0 ? minute + 30_000 : minute + Math.floor((index / count) * 60_000)
      portal.backdate(ms, () => create(portal, type, valuesFor(portal, type)))
    }
  })
}

/** The type of a name, of a custom object also without the portal's number. */
export function typeOf(portal: Portal, name: string): ObjectType {
  const type = portal.typeOf(name) ?? portal.typeOf(`p${portal.id}_${name}`)
  if (type === null) {
    throw new Error(
      `the types are ${portal
        .types()
        .map((each) => each.name)
        .join(', ')}`,
    )
  }
  return type
}

type Past = <T>(work: () => T) => T

const pairs: [from: string, to: string, share: number][] = [
  ['contacts', 'companies', 0.6],
  ['deals', 'companies', 0.8],
  ['deals', 'contacts', 0.7],
  ['tickets', 'contacts', 0.8],
  ['line_items', 'deals', 1],
  ['quotes', 'deals', 1],
  ['calls', 'contacts', 1],
  ['emails', 'contacts', 1],
  ['notes', 'contacts', 0.5],
  ['cars', 'contacts', 0.9],
]

function seedLinks(portal: Portal, past: Past): void {
  const { random } = portal
  for (const [fromName, toName, share] of pairs) {
    const from = typeOf(portal, fromName)
    const to = typeOf(portal, toName)
    const targets = portal.table(to).live()
    for (const { id } of portal.table(from).live()) {
      if (!random.chance(share)) continue
      // The first company knows very many.
      const target = random.chance(0.1) ? targets[0]! : random.pick(targets)
      past(() => associate(portal, from, id, to, target.id))
      if (random.chance(0.05)) {
        past(() => associate(portal, from, id, to, random.pick(targets).id, 'Decision maker'))
      }
    }
  }
}

function seedBin(portal: Portal, past: Past): void {
  for (const name of ['contacts', 'companies', 'deals']) {
    const type = typeOf(portal, name)
    const count = portal.table(type).live().length
    for (const { id } of some(portal, type, count * 0.02)) {
      portal.backdate(portal.now() - portal.random.int(0, 80) * dayMs, () =>
        archive(portal, type, id),
      )
    }
    for (let turn = 0; turn < count * 0.005; turn++) {
      const live = portal.table(type).live()
      const [one, other] = [portal.random.pick(live), portal.random.pick(live)]
      if (one.id !== other.id) past(() => merge(portal, type, one.id, other.id))
    }
  }
}

function some(portal: Portal, type: ObjectType, count: number): { id: string }[] {
  const live = portal.table(type).live()
  const chosen = new Set(Array.from({ length: count }, () => portal.random.pick(live)))
  return [...chosen]
}
