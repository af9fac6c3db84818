import { labelsOf, numbersOf, ownLabel } from './associationTypes.ts'
import { theLive } from './change.ts'
import { invalid } from './errors.ts'
import type { Portal } from './portal.ts'
import type { ObjectType } from './objectTypes.ts'

/** Associates two records; without a label it is the primary one where there is none yet and the pair knows that. */
export function associate(
  portal: Portal,
  from: ObjectType,
  fromId: string,
  to: ObjectType,
  toId: string,
  label?: string,
): void {
  portal.change(() => {
    const there = numbersOf(from, to)
    const back = numbersOf(to, from)
    const typeIds = [there.unlabeled]
    const backIds = [back.unlabeled]
    if (label !== undefined && label !== 'Primary') {
      typeIds.push(ownLabel(portal, from, to, label))
      backIds.push(ownLabel(portal, to, from, label))
    } else if (
      there.primary !== null &&
      (label === 'Primary' || !hasPrimary(portal, from, fromId, to))
    ) {
      typeIds.push(there.primary)
      if (back.primary !== null) backIds.push(back.primary)
    }
    link(portal, from, fromId, to, toId, typeIds, backIds)
  })
}

/** Adds these association types to what two records have; the other side gets its counterparts. */
export function associateAs(
  portal: Portal,
  from: ObjectType,
  fromId: string,
  to: ObjectType,
  toId: string,
  typeIds: number[],
): void {
  portal.change(() => {
    const labels = labelsOf(portal, from, to)
    const { unlabeled, primary } = numbersOf(from, to)
    const back = numbersOf(to, from)
    const backIds = [back.unlabeled]
    for (const typeId of typeIds) {
      const known = labels.find((label) => label.typeId === typeId)
      if (known === undefined) throw invalid(`associationTypeId ${typeId} is not valid`)
      if (typeId === primary && back.primary !== null) backIds.push(back.primary)
      if (known.category === 'USER_DEFINED') backIds.push(ownLabel(portal, to, from, known.label!))
    }
    link(portal, from, fromId, to, toId, [unlabeled, ...typeIds], backIds)
  })
}

/** Takes every association between two records away; nothing of theirs is touched otherwise. */
export function dissociate(
  portal: Portal,
  from: ObjectType,
  fromId: string,
  to: ObjectType,
  toId: string,
): void {
  portal.change(() => {
    const there = portal.links.of([from.name, fromId], [to.name, toId])
    portal.link([from.name, fromId], [to.name, toId], [], [])
    for (const typeId of there) announce(portal, from, fromId, to, toId, typeId, true)
  })
}

function hasPrimary(portal: Portal, from: ObjectType, fromId: string, to: ObjectType): boolean {
  const { primary } = numbersOf(from, to)
  return portal.links
    .to([from.name, fromId], to.name)
    .some(([, typeIds]) => primary !== null && typeIds.includes(primary))
}

function link(
  portal: Portal,
  from: ObjectType,
  fromId: string,
  to: ObjectType,
  toId: string,
  typeIds: number[],
  backIds: number[],
): void {
  const { id: a } = theLive(portal, from, fromId)
  const { id: b } = theLive(portal, to, toId)
  const { links } = portal
  const before = links.of([from.name, a], [to.name, b])
  portal.link(
    [from.name, a],
    [to.name, b],
    [...new Set([...before, ...typeIds])],
    [...new Set([...links.of([to.name, b], [from.name, a]), ...backIds])],
  )
  for (const typeId of typeIds) {
    if (!before.includes(typeId)) announce(portal, from, a, to, b, typeId, false)
  }
}

function announce(
  portal: Portal,
  type: ObjectType,
  id: string,
  toType: ObjectType,
  toId: string,
  typeId: number,
  removed: boolean,
): void {
  const forth = numbersOf(type, toType)
  const back = numbersOf(toType, type)
  const primary = typeId === forth.primary
  const backId = primary && back.primary !== null ? back.primary : back.unlabeled
  portal.tell({ kind: 'associationChange', type, id, toType, toId, typeId, primary, removed })
  portal.tell({
    kind: 'associationChange',
    type: toType,
    id: toId,
    toType: type,
    toId: id,
    typeId: backId,
    primary,
    removed,
  })
}
