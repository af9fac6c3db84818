import type { SimRequest } from '../kit/serve.ts'
import { labelsOf, nameOf } from './associationTypes.ts'
import type { AssociationType } from './associationTypes.ts'
import { associate, associateAs, dissociate } from './associate.ts'
import { notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import { bodyOf, inputsOf, limitOf } from './query.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

const pageMax = 500
/** Of one record in an answer of the older form, which has no second page. */
const oldPageMax = 100

/** One association as v4 tells it. */
export function told(
  labels: AssociationType[],
  toObjectId: string,
  typeIds: readonly number[],
): Fields {
  return { toObjectId, associationTypes: labels.filter(({ typeId }) => typeIds.includes(typeId)) }
}

/** `/crm/v4/objects/{type}/{id}/associations/{toType}[/{toId}]` and `…/associations/default/…`; null: an empty answer. */
export function recordAssociations(
  portal: Portal,
  from: ObjectType,
  id: string,
  to: ObjectType,
  toId: string | undefined,
  { method, body }: SimRequest,
  query: URLSearchParams,
): Fields | null {
  if (toId !== undefined) {
    if (method === 'DELETE') {
      dissociate(portal, from, id, to, toId)
      return null
    }
    if (method !== 'PUT') throw unknownUrl()
    const given: unknown = body === '' ? [] : JSON.parse(body)
    const typeIds = (given as Fields[]).map((each) => Number(each.associationTypeId))
    if (typeIds.length === 0) associate(portal, from, id, to, toId)
    else associateAs(portal, from, id, to, toId, typeIds)
    const labels = typeIds.map(String)
    return {
      fromObjectTypeId: from.typeId,
      fromObjectId: id,
      toObjectTypeId: to.typeId,
      toObjectId: toId,
      labels,
    }
  }
  if (method !== 'GET') throw unknownUrl()
  const row = portal.find(from, id)
  if (row === null || row.archivedMs !== null) throw notFound()
  const limit = limitOf(query.get('limit'), pageMax, pageMax)
  return pageOf(portal, from, row.id, to, query.get('after'), limit)
}

/** `/crm/v4/associations/{from}/{to}/…` and the older `/crm/v3/associations/…`; null: an empty answer. */
export function pairAssociations(
  portal: Portal,
  from: ObjectType,
  to: ObjectType,
  parts: string[],
  { method, body }: SimRequest,
  old: boolean,
): Fields | null {
  const action = `${method} ${parts.join('/')}`
  if (action === 'GET labels') return { results: labelsOf(portal, from, to) }
  if (action === 'GET types') {
    return {
      results: labelsOf(portal, from, to).map((label) => ({
        id: String(label.typeId),
        name: nameOf(from, to, label),
      })),
    }
  }
  if (action === 'POST batch/read') return batchRead(portal, from, to, bodyOf(body), old)
  return batchWrite(portal, from, to, action, bodyOf(body))
}

function batchRead(
  portal: Portal,
  from: ObjectType,
  to: ObjectType,
  body: Fields,
  old: boolean,
): Fields {
  const results: Fields[] = []
  const without: string[] = []
  for (const input of inputsOf(body, 1000)) {
    const id = plain(input.id)
    const row = portal.find(from, id)
    const linked = row === null ? [] : portal.links.to([from.name, row.id], to.name)
    if (row === null || linked.length === 0) without.push(id)
    else if (old) results.push(oldPage(portal, from, row.id, to))
    else {
      const after = typeof input.after === 'string' ? input.after : null
      const { results: page, paging } = pageOf(portal, from, row.id, to, after, pageMax)
      results.push({ from: { id: row.id }, to: page!, ...(paging === undefined ? {} : { paging }) })
    }
  }
  const at = new Date(portal.now()).toISOString()
  const told207 = portal.settings.emptyAssociations === '207' && without.length > 0
  return {
    status: 'COMPLETE',
    results,
    ...(told207
      ? {
          numErrors: without.length,
          errors: without.map((id) => ({
            status: 'error',
            category: 'OBJECT_NOT_FOUND',
            subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
            message: `No ${to.singular} is associated with ${from.singular} ${id}.`,
            context: { fromObjectId: [id] },
          })),
        }
      : {}),
    startedAt: at,
    completedAt: at,
  }
}

function pageOf(
  portal: Portal,
  from: ObjectType,
  id: string,
  to: ObjectType,
  after: string | null,
  limit: number,
): Fields {
  const labels = labelsOf(portal, from, to)
  const linked = portal.links.to([from.name, id], to.name)
  const rest = after === null ? linked : linked.filter(([toId]) => Number(toId) >= readAfter(after))
  const results = rest.slice(0, limit).map(([toId, typeIds]) => told(labels, toId, typeIds))
  const next = rest[limit]
  if (next === undefined) return { results }
  return {
    results,
    paging: { next: { after: Buffer.from(next[0]).toString('base64'), link: '?after=' } },
  }
}

/** Cursors of this API are base64; those of an inline list are the id itself. */
function readAfter(after: string): number {
  const id = Number(after)
  return Number.isFinite(id) ? id : Number(Buffer.from(after, 'base64').toString())
}

/** The older form: 100 of a record at most, and an `after` that is told and never heeded. */
function oldPage(portal: Portal, from: ObjectType, id: string, to: ObjectType): Fields {
  const labels = labelsOf(portal, from, to)
  const linked = portal.links.to([from.name, id], to.name)
  const next = linked[oldPageMax]
  return {
    from: { id },
    to: linked
      .slice(0, oldPageMax)
      .flatMap(([toId, typeIds]) =>
        labels
          .filter(({ typeId }) => typeIds.includes(typeId))
          .map((label) => ({ id: toId, type: nameOf(from, to, label) })),
      ),
    ...(next === undefined ? {} : { paging: { next: { after: next[0], link: '?after=' } } }),
  }
}

/** Inputs are `{from: {id}, to: {id} or [{id}], types?}`. */
function batchWrite(
  portal: Portal,
  from: ObjectType,
  to: ObjectType,
  action: string,
  body: Fields,
): Fields | null {
  const inputs = inputsOf(body, 2000)
  const pairs = inputs.flatMap((input) => {
    const targets = (Array.isArray(input.to) ? input.to : [input.to]) as { id: string }[]
    const fromId = (input.from as { id: string }).id
    return targets.map(({ id }) => ({ fromId, toId: id, types: input.types as Fields[] }))
  })
  return portal.change(() => {
    switch (action) {
      case 'POST batch/associate/default':
        for (const { fromId, toId } of pairs) associate(portal, from, fromId, to, toId)
        break
      case 'POST batch/create':
        for (const { fromId, toId, types } of pairs) {
          const typeIds = (types ?? []).map((each) => Number(each.associationTypeId))
          if (typeIds.length === 0) associate(portal, from, fromId, to, toId)
          else associateAs(portal, from, fromId, to, toId, typeIds)
        }
        break
      case 'POST batch/archive':
        for (const { fromId, toId } of pairs) dissociate(portal, from, fromId, to, toId)
        return null
      default:
        throw unknownUrl()
    }
    const at = new Date(portal.now()).toISOString()
    const results = pairs.map(({ fromId, toId }) => ({
      fromObjectTypeId: from.typeId,
      fromObjectId: fromId,
      toObjectTypeId: to.typeId,
      toObjectId: toId,
      labels: [],
    }))
    return { status: 'COMPLETE', results, startedAt: at, completedAt: at }
  })
}
