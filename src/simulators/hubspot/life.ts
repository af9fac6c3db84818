import { associate, dissociate } from './associate.ts'
import { archive, create, gdprDelete, merge, recalculate, restore, update } from './change.ts'
import { HubspotError } from './errors.ts'
import { joinList, leaveList, listsOf } from './lists.ts'
import { allOwners, updateOwner } from './owners.ts'
import type { Portal } from './portal.ts'
import { typeOf } from './seed.ts'
import { plain } from './objectTypes.ts'
import type { ObjectType, Row } from './objectTypes.ts'
import { changeFor, valuesFor } from './values.ts'

/** One thing that happens, drawn by how often it does. What HubSpot itself would refuse does not happen. */
export function step(portal: Portal): void {
  try {
    portal.change(() => happenings[portal.random.weighted(weights)]!(portal))
  } catch (error) {
    if (!(error instanceof HubspotError)) throw error
  }
}

const weights: Record<string, number> = {
  created: 20,
  changed: 45,
  archived: 5,
  restored: 1,
  merged: 2,
  erased: 1,
  linked: 10,
  unlinked: 4,
  recalculated: 3,
  joined: 3,
  left: 2,
  ownerChanged: 0.5,
}

const happenings: Record<string, (portal: Portal) => void> = {
  created: (portal) => {
    const type = anyType(portal)
    create(portal, type, valuesFor(portal, type))
  },
  changed: (portal) => {
    const type = anyType(portal)
    withSome(portal, type, ({ id }) => update(portal, type, id, changeFor(portal, type)))
  },
  archived: (portal) => {
    const type = anyType(portal)
    withSome(portal, type, ({ id }) => archive(portal, type, id))
  },
  restored: (portal) => {
    const type = anyType(portal)
    const bin = portal.table(type).archived()
    if (bin.length > 0) restore(portal, type, portal.random.pick(bin).id)
  },
  merged: (portal) => {
    const type = typeOf(portal, portal.random.pick(['contacts', 'companies', 'deals', 'tickets']))
    withSome(portal, type, (one) =>
      withSome(portal, type, (other) => merge(portal, type, one.id, other.id)),
    )
  },
  erased: (portal) => {
    const type = typeOf(portal, 'contacts')
    withSome(portal, type, ({ id }) => gdprDelete(portal, type, id))
  },
  linked: (portal) => {
    const [from, to] = anyPair(portal)
    const label = portal.random.chance(0.2) ? 'Decision maker' : undefined
    withSome(portal, from, (one) =>
      withSome(portal, to, (other) => associate(portal, from, one.id, to, other.id, label)),
    )
  },
  unlinked: (portal) => {
    const [from, to] = anyPair(portal)
    withSome(portal, from, ({ id }) => {
      const [linked] = portal.links.to([from.name, id], to.name)
      if (linked !== undefined) dissociate(portal, from, id, to, linked[0])
    })
  },
  recalculated: (portal) => {
    const type = typeOf(portal, 'contacts')
    const num_notes = String(portal.random.int(0, 90))
    withSome(portal, type, ({ id }) => recalculate(portal, type, id, { num_notes }))
  },
  joined: (portal) => {
    const [list] = listsOf(portal)
    withSome(portal, typeOf(portal, 'contacts'), ({ id }) => {
      if (list !== undefined) joinList(portal, plain(list.listId), id)
    })
  },
  left: (portal) => {
    const [list] = listsOf(portal)
    if (list === undefined) return
    const listId = plain(list.listId)
    const [member] = portal.notes(`member ${listId}`).keys()
    if (member !== undefined) leaveList(portal, listId, member)
  },
  ownerChanged: (portal) => {
    const [owner] = allOwners(portal)
    if (owner === undefined) return
    updateOwner(portal, plain(owner.id), { lastName: portal.random.text(6) })
  },
}

function anyType(portal: Portal): ObjectType {
  return portal.random.chance(0.4) ? typeOf(portal, 'contacts') : portal.random.pick(portal.types())
}

function anyPair(portal: Portal): [ObjectType, ObjectType] {
  const [from, to] = portal.random.pick([
    ['contacts', 'companies'],
    ['deals', 'contacts'],
    ['deals', 'companies'],
    ['tickets', 'contacts'],
  ] as const)
  return [typeOf(portal, from), typeOf(portal, to)]
}

function withSome(portal: Portal, type: ObjectType, act: (row: Row) => void): void {
  const live = portal.table(type).live()
  if (live.length > 0) act(portal.random.pick(live))
}
