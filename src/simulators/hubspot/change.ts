import { HubspotError, invalid, notFound } from './errors.ts'
import type { Place } from './links.ts'
import type { Portal } from './portal.ts'
import { plain } from './objectTypes.ts'
import type { ObjectType, Row, Values } from './objectTypes.ts'

/** What is written: null or empty takes a value away. */
export type Writes = Record<string, string | null>

const iso = (ms: number) => new Date(ms).toISOString()

/** Creates a record with these values and the dates of now. */
export function create(portal: Portal, type: ObjectType, writes: Writes): Row {
  return portal.change(() => {
    const at = portal.ms()
    const values: Values = {}
    for (const [name, value] of Object.entries(writes)) {
      if (value !== null && value !== '') values[name] = value
    }
    const row = stamped(type, {
      id: portal.nextId(),
      createdMs: at,
      updatedMs: at,
      archivedMs: null,
      values,
      history: {},
    })
    portal.put(type, row)
    portal.tell({ kind: 'creation', type, id: row.id })
    return row
  })
}

/** Writes values; the modified date moves with every write, also one that changes nothing. */
export function update(portal: Portal, type: ObjectType, id: string, writes: Writes): Row {
  return portal.change(() => {
    const row = stamped(type, {
      ...changed(portal, theLive(portal, type, id), writes),
      updatedMs: portal.ms(),
    })
    portal.put(type, row)
    for (const [name, value] of Object.entries(writes)) {
      portal.tell({ kind: 'propertyChange', type, id: row.id, name, value: value ?? '' })
    }
    return row
  })
}

/** Changes values without moving the modified date, as calculated properties do. */
export function recalculate(portal: Portal, type: ObjectType, id: string, writes: Writes): Row {
  return portal.change(() => {
    const row = changed(portal, theLive(portal, type, id), writes)
    portal.put(type, row)
    return row
  })
}

/** Moves a record into the bin, where it stays for 90 days without its associations. Does nothing when it is not live. */
export function archive(portal: Portal, type: ObjectType, id: string): void {
  portal.change(() => {
    const row = portal.find(type, id)
    if (row === null || row.archivedMs !== null) return
    unlinkAll(portal, [type.name, row.id])
    portal.put(type, { ...row, archivedMs: portal.ms() })
    portal.tell({ kind: 'deletion', type, id: row.id })
  })
}

/** Takes a record out of the bin; its modified date moves. */
export function restore(portal: Portal, type: ObjectType, id: string): Row {
  return portal.change(() => {
    const row = portal.find(type, id)
    if (row === null || row.archivedMs === null) throw notFound()
    const back = stamped(type, { ...row, archivedMs: null, updatedMs: portal.ms() })
    portal.put(type, back)
    portal.tell({ kind: 'restore', type, id: row.id })
    return back
  })
}

/** Deletes for good: no bin, no trace. */
export function gdprDelete(portal: Portal, type: ObjectType, id: string): void {
  portal.change(() => {
    const row = portal.find(type, id)
    if (row === null) throw notFound()
    unlinkAll(portal, [type.name, row.id])
    portal.drop(type, row.id, null)
    portal.tell({ kind: 'deletion', type, id: row.id })
    portal.tell({ kind: 'privacyDeletion', type, id: row.id })
  })
}

/**
 * Makes one record of two: the primary's values win, associations are united, and `hs_merged_object_ids` names every id
 * that went into it. Both old ids lead to the survivor; with `mergeShape: 'primary'` only the other one does.
 */
export function merge(portal: Portal, type: ObjectType, primaryId: string, otherId: string): Row {
  return portal.change(() => {
    const primary = theLive(portal, type, primaryId)
    const other = theLive(portal, type, otherId)
    if (primary.id === other.id) throw invalid('Cannot merge an object with itself')
    const at = portal.ms()
    const third = portal.settings.mergeShape === 'third'
    const old = third ? [primary, other] : [other]
    const merged = old.flatMap((row) => [row.id, ...mergedIds(row)])
    if (!third) merged.push(...mergedIds(primary))
    const survivor = stamped(type, {
      id: third ? portal.nextId() : primary.id,
      createdMs: third ? at : primary.createdMs,
      updatedMs: at,
      archivedMs: null,
      values: {
        ...other.values,
        ...primary.values,
        hs_merged_object_ids: [...new Set(merged)].sort((a, b) => Number(a) - Number(b)).join(';'),
      },
      history: third ? {} : primary.history,
    })
    for (const row of old) moveLinks(portal, [type.name, row.id], [type.name, survivor.id])
    for (const row of old) portal.drop(type, row.id, survivor.id)
    portal.put(type, survivor)
    portal.tell({
      kind: 'merge',
      type,
      id: survivor.id,
      primaryId: primary.id,
      mergedIds: merged,
      moved: Object.keys(other.values).length,
    })
    return survivor
  })
}

/** The live record of an id, also of one that was merged away. Throws 404. */
export function theLive(portal: Portal, type: ObjectType, id: string): Row {
  const row = portal.find(type, id)
  if (row === null || row.archivedMs !== null) throw notFound()
  return row
}

function mergedIds(row: Row): string[] {
  return (row.values.hs_merged_object_ids ?? '').split(';').filter((id) => id !== '')
}

function stamped(type: ObjectType, row: Row): Row {
  const { id, createdMs, updatedMs } = row
  return {
    ...row,
    values: {
      ...row.values,
      [type.created]: iso(createdMs),
      [type.modified]: iso(updatedMs),
      hs_object_id: id,
    },
  }
}

function changed(portal: Portal, row: Row, writes: Writes): Row {
  const values = { ...row.values }
  const history = { ...row.history }
  for (const [name, value] of Object.entries(writes)) {
    const before = values[name] ?? null
    if (value === null || value === '') delete values[name]
    else values[name] = value
    if (before === (values[name] ?? null)) continue
    history[name] = [
      [values[name] ?? null, portal.ms()],
      ...(history[name] ?? [[before, row.createdMs]]),
    ]
  }
  return { ...row, values, history }
}

function unlinkAll(portal: Portal, from: Place): void {
  for (const to of portal.links.all(from)) portal.link(from, to, [], [])
}

function moveLinks(portal: Portal, from: Place, target: Place): void {
  const { links } = portal
  for (const to of links.all(from)) {
    const there = [...new Set([...links.of(target, to), ...links.of(from, to)])]
    const back = [...new Set([...links.of(to, target), ...links.of(to, from)])]
    portal.link(from, to, [], [])
    if (to[0] !== target[0] || to[1] !== target[1]) portal.link(target, to, there, back)
  }
}

/** Checks what a client wants to write: known properties that may be written. */
export function checkWrites(portal: Portal, type: ObjectType, given: unknown): Writes {
  const writes: Writes = {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid('Invalid input JSON: properties are missing')
  }
  const wrong: { message: string; code: string; context: { propertyName: string[] } }[] = []
  for (const [name, value] of Object.entries(given)) {
    const property = portal.properties(type).get(name)
    const context = { propertyName: [name] }
    if (property === undefined || property.archived) {
      wrong.push({
        message: `Property "${name}" does not exist`,
        code: 'PROPERTY_DOESNT_EXIST',
        context,
      })
    } else if ((property.modificationMetadata as { readOnlyValue: boolean }).readOnlyValue) {
      wrong.push({
        message: `"${name}" is a read only property; its value cannot be set.`,
        code: 'READ_ONLY_VALUE',
        context,
      })
    } else writes[name] = value === null ? null : plain(value)
  }
  if (wrong.length > 0) {
    throw new HubspotError(400, {
      message: `Property values were not valid: ${JSON.stringify(wrong)}`,
      category: 'VALIDATION_ERROR',
      errors: wrong,
    })
  }
  return writes
}
