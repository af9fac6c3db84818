import type { SimRequest } from '../kit/serve.ts'
import { HubspotError, forbidden, notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import { propertyOf, standardProperties } from './properties.ts'
import { bodyOf, flag, textsOf } from './query.ts'
import { plain, customType } from './objectTypes.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

/** `/crm/v3/schemas[/{type}]`; null: an empty answer. */
export function schemas(
  portal: Portal,
  { method, body }: SimRequest,
  query: URLSearchParams,
  [name, ...rest]: string[],
): Fields | null {
  if (!portal.settings.enterprise) {
    throw forbidden('This account does not have access to custom objects.')
  }
  if (rest.length > 0) throw unknownUrl()
  if (name === undefined) {
    if (method === 'POST') return addSchema(portal, bodyOf(body))
    const archived = flag(query, 'archived')
    return { results: allSchemas(portal).filter((schema) => schema.archived === archived) }
  }
  const schema = allSchemas(portal).find(
    (each) => each.objectTypeId === name || each.fullyQualifiedName === name || each.name === name,
  )
  if (schema === undefined) throw notFound()
  if (method === 'GET') return schema
  if (method !== 'DELETE') throw unknownUrl()
  const { properties: _properties, ...kept } = schema
  const at = new Date(portal.ms()).toISOString()
  portal.note('schema', plain(schema.objectTypeId), {
    ...kept,
    archived: true,
    updatedAt: at,
  })
  return null
}

/** Schemas of custom objects, archived ones too, each with its type's properties. */
export function allSchemas(portal: Portal): Fields[] {
  return [...portal.notes('schema').values()].map((note) => {
    const schema = note as Fields
    const type = portal.typeOf(plain(schema.objectTypeId))!
    const properties = [...portal.properties(type).values()].filter(({ archived }) => !archived)
    return { ...schema, properties }
  })
}

/** Adds a custom object: `{name, labels?, properties?: [{name, type?, …}], primaryDisplayProperty?, associatedObjects?}`. */
export function addSchema(portal: Portal, given: Fields): Fields {
  return portal.change(() => {
    const name = plain(given.name)
    const number = 40_000_000 + portal.notes('schema').size + 1
    const type = customType(portal.id, name, number)
    if (portal.typeOf(type.name) !== null) {
      throw new HubspotError(409, {
        message: `An object schema named ${name} already exists`,
        category: 'OBJECT_ALREADY_EXISTS',
      })
    }
    const at = new Date(portal.ms()).toISOString()
    portal.addType(type)
    for (const property of standardProperties(type, at)) portal.putProperty(type, property)
    for (const property of (given.properties ?? []) as (Fields & { name: string })[]) {
      portal.putProperty(type, propertyOf(type, property, at))
    }
    portal.note('schema', type.typeId, schemaOf(portal, type, given, at))
    return allSchemas(portal).find((schema) => schema.objectTypeId === type.typeId)!
  })
}

function schemaOf(portal: Portal, type: ObjectType, given: Fields, at: string): Fields {
  const name = plain(given.name)
  return {
    id: type.typeId.slice(2),
    objectTypeId: type.typeId,
    fullyQualifiedName: type.name,
    portalId: Number(portal.id),
    name,
    labels: given.labels ?? { singular: name, plural: `${name}s` },
    primaryDisplayProperty: given.primaryDisplayProperty ?? null,
    requiredProperties: textsOf(given.requiredProperties),
    searchableProperties: textsOf(given.searchableProperties),
    secondaryDisplayProperties: textsOf(given.secondaryDisplayProperties),
    associations: textsOf(given.associatedObjects).map((to, index) => ({
      id: String(500 + index),
      fromObjectTypeId: type.typeId,
      toObjectTypeId: portal.typeOf(to.toLowerCase())?.typeId ?? to,
      name: `${name}_to_${to.toLowerCase()}`,
    })),
    archived: false,
    createdAt: at,
    updatedAt: at,
  }
}
