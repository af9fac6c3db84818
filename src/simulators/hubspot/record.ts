import { labelsOf, nameOf } from './associationTypes.ts'
import type { Portal } from './portal.ts'
import type { Fields, ObjectType, Row } from './objectTypes.ts'

/** What an answer shows of a record. */
export type Wanted = {
  /** Null: the type's own few. Unknown ones are ignored. */
  properties: string[] | null
  history: string[]
  associations: ObjectType[]
}

/** Associations of one type that a record shows; the rest is read through the associations API. */
const inlineMax = 100

const iso = (ms: number) => new Date(ms).toISOString()

/** A record as CRM v3 tells it. */
export function render(portal: Portal, type: ObjectType, row: Row, wanted: Wanted): Fields {
  const record: Fields = {
    id: row.id,
    properties: valuesOf(portal, type, row, wanted.properties),
    createdAt: iso(row.createdMs),
    updatedAt: iso(row.updatedMs),
    archived: row.archivedMs !== null,
  }
  if (row.archivedMs !== null) record.archivedAt = iso(row.archivedMs)
  if (wanted.history.length > 0) {
    record.propertiesWithHistory = historyOf(portal, type, row, wanted.history)
  }
  const associations = wanted.associations.flatMap((to) => inline(portal, type, row, to))
  if (associations.length > 0) record.associations = Object.fromEntries(associations)
  record.url = `https://app.hubspot.com/contacts/${portal.id}/record/${type.typeId}/${row.id}`
  return record
}

/** Names of a type's properties that are not archived. */
export function liveProperties(portal: Portal, type: ObjectType): string[] {
  return [...portal.properties(type).values()]
    .filter((property) => !property.archived)
    .map(({ name }) => name)
}

function valuesOf(
  portal: Portal,
  type: ObjectType,
  row: Row,
  asked: string[] | null,
): Record<string, string | null> {
  const known = portal.properties(type)
  const always = [type.created, type.modified, 'hs_object_id']
  const names = asked === null ? type.defaults : [...always, ...asked]
  const values: Record<string, string | null> = {}
  for (const name of [...new Set(names)].sort()) {
    const property = known.get(name)
    if (property !== undefined && !property.archived) values[name] = row.values[name] ?? null
  }
  return values
}

/** Newest first. A calculated property claims to be of now, as HubSpot's do. */
function historyOf(portal: Portal, type: ObjectType, row: Row, names: string[]): Fields {
  const known = portal.properties(type)
  const told: Fields = {}
  for (const name of names) {
    const property = known.get(name)
    if (property === undefined || property.archived) continue
    const versions = row.history[name] ?? [[row.values[name] ?? null, row.createdMs] as const]
    told[name] = versions
      .filter(([value], index) => value !== null || index < versions.length - 1)
      .map(([value, at]) => ({
        value: value ?? '',
        timestamp: iso(property.calculated ? portal.now() : at),
        sourceType: property.calculated ? 'CALCULATED' : 'CRM_UI',
      }))
  }
  return told
}

function inline(portal: Portal, type: ObjectType, row: Row, to: ObjectType): [string, Fields][] {
  const linked = portal.links.to([type.name, row.id], to.name)
  if (linked.length === 0) return []
  const labels = labelsOf(portal, type, to)
  const results = linked
    .slice(0, inlineMax)
    .flatMap(([id, typeIds]) =>
      labels
        .filter(({ typeId }) => typeIds.includes(typeId))
        .map((label) => ({ id, type: nameOf(type, to, label) })),
    )
  const last = linked[inlineMax - 1]
  const more = linked.length > inlineMax && last !== undefined
  const paging = more ? { paging: { next: { after: String(Number(last[0]) + 1) } } } : {}
  return [[to.name.replaceAll('_', ' '), { results, ...paging }]]
}
