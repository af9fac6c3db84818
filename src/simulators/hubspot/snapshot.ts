import { labelsOf } from './associationTypes.ts'
import { told } from './associationsApi.ts'
import { allOwners } from './owners.ts'
import { pipelinesOf } from './pipelines.ts'
import type { Portal } from './portal.ts'
import { liveProperties, render } from './record.ts'
import { allSchemas } from './schemas.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

const besides = ['owners', 'pipelines', 'properties', 'schemas', 'lists', 'list_memberships']

type Texts = Record<string, string>

/**
 * What a complete and correct copy holds, by collection and id. Records as by id with all properties that stand; archived ones
 * are absent. Owners, pipelines and schemas as their lists tell them, associations per pair of types (`contacts_to_companies`).
 */
export function snapshot(portal: Portal, only?: string): Record<string, Texts> {
  if (only !== undefined) return { [only]: textsOf(portal, only) }
  const pairs = new Set<string>()
  for (const [from, to] of portal.links.entries()) pairs.add(`${from[0]}_to_${to[0]}`)
  const names = [...portal.types().map(({ name }) => name), ...besides, ...pairs]
  return Object.fromEntries(names.map((name) => [name, textsOf(portal, name)]))
}

function textsOf(portal: Portal, collection: string): Texts {
  const type = portal.typeOf(collection)
  if (type !== null) return recordsOf(portal, type)
  switch (collection) {
    case 'owners':
      return keyed(allOwners(portal), (owner) => plain(owner.id))
    case 'schemas':
      return keyed(allSchemas(portal), (schema) => plain(schema.objectTypeId))
    case 'lists':
      return keyed([...portal.notes('list').values()] as Fields[], (list) => plain(list.listId))
    case 'list_memberships':
      return membershipsOf(portal)
    case 'pipelines':
      return Object.assign(
        {},
        ...portal
          .types()
          .map((each) => keyed(pipelinesOf(portal, each), ({ id }) => `${each.name}/${plain(id)}`)),
      ) as Texts
    case 'properties':
      return Object.assign(
        {},
        ...portal
          .types()
          .map((each) =>
            keyed([...portal.properties(each).values()], ({ name }) => `${each.name}/${name}`),
          ),
      ) as Texts
    default:
      return associationsOf(portal, collection)
  }
}

function recordsOf(portal: Portal, type: ObjectType): Texts {
  const wanted = { properties: liveProperties(portal, type), history: [], associations: [] }
  const texts: Texts = {}
  for (const row of portal.table(type).live()) {
    texts[row.id] = JSON.stringify(render(portal, type, row, wanted))
  }
  return texts
}

function membershipsOf(portal: Portal): Texts {
  const texts: Texts = {}
  for (const listId of portal.notes('list').keys()) {
    for (const [recordId, membershipTimestamp] of portal.notes(`member ${listId}`)) {
      texts[`${listId}/${recordId}`] = JSON.stringify({ listId, recordId, membershipTimestamp })
    }
  }
  return texts
}

function associationsOf(portal: Portal, collection: string): Texts {
  const [from, to] = collection.split('_to_').map((name) => portal.typeOf(name))
  if (from === undefined || from === null || to === undefined || to === null) {
    throw new Error(`no collection ${collection}`)
  }
  const labels = labelsOf(portal, from, to)
  const texts: Texts = {}
  for (const [[fromType, fromObjectId], [toType, toId], typeIds] of portal.links.entries()) {
    if (fromType !== from.name || toType !== to.name) continue
    texts[`${fromObjectId}/${toId}`] = JSON.stringify({
      fromObjectId,
      ...told(labels, toId, typeIds),
    })
  }
  return texts
}

function keyed<T extends Fields>(values: T[], key: (value: T) => string): Texts {
  return Object.fromEntries(values.map((value) => [key(value), JSON.stringify(value)]))
}
