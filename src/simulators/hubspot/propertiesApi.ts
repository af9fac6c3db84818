import type { SimRequest } from '../kit/serve.ts'
import { HubspotError, notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import type { Property } from './properties.ts'
import { groupOf, propertyOf } from './properties.ts'
import { bodyOf, flag, inputsOf } from './query.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

/** `/crm/v3/properties/{type}/…`; null: an empty answer. */
export function properties(
  portal: Portal,
  type: ObjectType,
  request: SimRequest,
  query: URLSearchParams,
  [name, verb]: string[],
): Fields | null {
  const { method } = request
  if (name === 'groups') return groups(portal, type, request, verb)
  if (name === 'batch' && method === 'POST') return batch(portal, type, verb ?? '', request.body)
  if (verb !== undefined) throw unknownUrl()
  if (name === undefined) {
    if (method === 'POST') return addProperty(portal, type, bodyOf(request.body))
    const archived = flag(query, 'archived')
    const sensitivity = query.get('dataSensitivity') ?? 'non_sensitive'
    return {
      results: [...portal.properties(type).values()].filter(
        (property) => property.archived === archived && property.dataSensitivity === sensitivity,
      ),
    }
  }
  const property = portal.properties(type).get(name)
  if (
    property === undefined ||
    (method !== 'DELETE' && property.archived !== flag(query, 'archived'))
  ) {
    throw notFound(`Property ${name} does not exist`)
  }
  if (method === 'GET') return property
  if (method === 'PATCH')
    return change(portal, type, { ...property, ...bodyOf(request.body), name })
  if (method !== 'DELETE') throw unknownUrl()
  archiveProperty(portal, type, property)
  return null
}

/** Adds a property; records get it without a value, and without being touched. Throws 409 when it is there. */
export function addProperty(portal: Portal, type: ObjectType, given: Fields): Property {
  const name = plain(given.name)
  const known = portal.properties(type).get(name)
  if (known !== undefined && !known.archived) {
    throw new HubspotError(409, {
      message: `A property named '${name}' already exists.`,
      category: 'OBJECT_ALREADY_EXISTS',
    })
  }
  const property = propertyOf(type, { ...given, name }, new Date(portal.ms()).toISOString())
  portal.putProperty(type, property)
  return property
}

function change(portal: Portal, type: ObjectType, property: Property): Property {
  const changed = { ...property, updatedAt: new Date(portal.ms()).toISOString() }
  portal.putProperty(type, changed)
  return changed
}

function archiveProperty(portal: Portal, type: ObjectType, property: Property): void {
  if (property.hubspotDefined) {
    throw new HubspotError(400, {
      message: `HubSpot's own property ${property.name} cannot be archived`,
      category: 'VALIDATION_ERROR',
    })
  }
  const archivedAt = new Date(portal.ms()).toISOString()
  change(portal, type, { ...property, archived: true, archivedAt })
}

function batch(portal: Portal, type: ObjectType, verb: string, text: string): Fields | null {
  const inputs = inputsOf(bodyOf(text), 100)
  const at = new Date(portal.now()).toISOString()
  const complete = (results: Fields[]) => ({
    status: 'COMPLETE',
    results,
    startedAt: at,
    completedAt: at,
  })
  if (verb === 'create') return complete(inputs.map((input) => addProperty(portal, type, input)))
  const named = inputs.flatMap(({ name }) => portal.properties(type).get(plain(name)) ?? [])
  if (verb === 'read') return complete(named)
  if (verb !== 'archive') throw unknownUrl()
  for (const property of named) archiveProperty(portal, type, property)
  return null
}

function groups(
  portal: Portal,
  type: ObjectType,
  { method, body }: SimRequest,
  name: string | undefined,
): Fields | null {
  const kind = `group ${type.name}`
  const own = { name: groupOf(type), label: `${type.singular} information`, displayOrder: 0 }
  const all = [
    { ...own, archived: false },
    ...[...portal.notes(kind).values()].map((group) => group as Fields),
  ]
  if (name === undefined) {
    if (method === 'GET') return { results: all }
    const group = { displayOrder: -1, ...bodyOf(body), archived: false } as Fields
    portal.note(kind, plain(group.name), group)
    return group
  }
  const group = all.find((each) => each.name === name)
  if (group === undefined) throw notFound(`Property group ${name} does not exist`)
  if (method === 'GET') return group
  if (method === 'DELETE') {
    portal.note(kind, name, null)
    return null
  }
  const changed = { ...group, ...bodyOf(body), name }
  portal.note(kind, name, changed)
  return changed
}
