import type { SimRequest } from '../kit/serve.ts'
import { invalid, notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import { bodyOf, limitOf, textsOf, typeNamed } from './query.ts'
import { plain } from './objectTypes.ts'
import type { Fields } from './objectTypes.ts'

const countMax = 500
const membershipsMax = 250

/** `/crm/v3/lists/…`; null: an empty answer. */
export function lists(
  portal: Portal,
  { method, body }: SimRequest,
  query: URLSearchParams,
  parts: string[],
): Fields | null {
  const [id, part, verb] = parts
  if (id === undefined && method === 'GET') {
    const ids = query.getAll('listIds')
    return { lists: listsOf(portal).filter((list) => ids.includes(plain(list.listId))) }
  }
  if (id === undefined && method === 'POST') return { list: addList(portal, bodyOf(body)) }
  if (id === 'search' && method === 'POST') return searchLists(portal, bodyOf(body))
  const list = portal.notes('list').get(id ?? '') as Fields | undefined
  if (id === undefined || list === undefined) throw notFound('The list does not exist')
  if (part === undefined) {
    if (method === 'GET') return { list }
    if (method !== 'DELETE') throw unknownUrl()
    deleteList(portal, id)
    return null
  }
  if (part !== 'memberships') throw unknownUrl()
  if (method === 'GET' && (verb === undefined || verb === 'join-order')) {
    return memberships(portal, id, query, verb !== undefined)
  }
  if (method !== 'PUT' || (verb !== 'add' && verb !== 'remove')) throw unknownUrl()
  const records = textsOf(JSON.parse(body))
  portal.change(() => {
    for (const recordId of records) {
      if (verb === 'add') joinList(portal, id, recordId)
      else leaveList(portal, id, recordId)
    }
  })
  return verb === 'add'
    ? { recordIdsMissing: [], recordsIdsAdded: records, recordIdsRemoved: [] }
    : { recordIdsMissing: [], recordsIdsAdded: [], recordIdsRemoved: records }
}

/** Lists that are not deleted. */
export function listsOf(portal: Portal): Fields[] {
  return ([...portal.notes('list').values()] as Fields[]).filter(
    ({ deletedAt }) => deletedAt === undefined,
  )
}

/** Adds a list: `{name, objectTypeId, processingType}`. */
export function addList(portal: Portal, given: Fields): Fields {
  return portal.change(() => {
    const number = Number(portal.notes('counter').get('list') ?? 0) + 1
    const at = new Date(portal.ms()).toISOString()
    const type = typeNamed(portal, plain(given.objectTypeId ?? '0-1'))
    const processingType = (given.processingType ?? 'MANUAL') as string
    const list: Fields = {
      processingType,
      objectTypeId: type.typeId,
      updatedById: '42',
      filtersUpdatedAt: at,
      listId: String(number),
      createdAt: at,
      processingStatus: 'COMPLETE',
      createdById: '42',
      name: given.name ?? `List ${number}`,
      listVersion: 1,
      size: 0,
      updatedAt: at,
    }
    portal.note('counter', 'list', number)
    portal.note('list', String(number), list)
    return list
  })
}

export function joinList(portal: Portal, listId: string, recordId: string): void {
  if (portal.notes(`member ${listId}`).has(recordId)) return
  portal.change(() => {
    portal.note(`member ${listId}`, recordId, new Date(portal.ms()).toISOString())
    resized(portal, listId)
    announce(portal, listId, recordId, false)
  })
}

export function leaveList(portal: Portal, listId: string, recordId: string): void {
  if (!portal.notes(`member ${listId}`).has(recordId)) return
  portal.change(() => {
    portal.note(`member ${listId}`, recordId, null)
    resized(portal, listId)
    announce(portal, listId, recordId, true)
  })
}

export function deleteList(portal: Portal, listId: string): void {
  const list = portal.notes('list').get(listId) as Fields
  const at = new Date(portal.ms()).toISOString()
  portal.note('list', listId, { ...list, deletedAt: at, updatedAt: at })
}

function resized(portal: Portal, listId: string): void {
  const list = portal.notes('list').get(listId)
  if (list === undefined) throw notFound('The list does not exist')
  portal.note('list', listId, { ...(list as Fields), size: portal.notes(`member ${listId}`).size })
}

function announce(portal: Portal, listId: string, id: string, removed: boolean): void {
  const type = typeNamed(portal, plain((portal.notes('list').get(listId) as Fields).objectTypeId))
  portal.tell({ kind: 'membership', type, id, listId, removed })
}

function searchLists(portal: Portal, body: Fields): Fields {
  const offset = Number(body.offset ?? 0)
  const count = body.count === undefined ? 20 : Number(body.count)
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalid('offset is not valid')
  if (!(count >= 1 && count <= countMax)) throw invalid(`count must be between 1 and ${countMax}`)
  const kinds = textsOf(body.processingTypes)
  const query = typeof body.query === 'string' ? body.query.toLowerCase() : ''
  const extra = textsOf(body.additionalProperties)
  const all = listsOf(portal).filter(
    (list) =>
      (body.objectTypeId === undefined || list.objectTypeId === body.objectTypeId) &&
      (kinds.length === 0 || kinds.includes(plain(list.processingType))) &&
      plain(list.name).toLowerCase().includes(query),
  )
  const page = all.slice(offset, offset + count)
  return {
    offset: offset + page.length,
    hasMore: offset + page.length < all.length,
    lists: page.map((list) => ({ ...list, additionalProperties: additional(list, extra) })),
    total: all.length,
  }
}

function additional(list: Fields, names: string[]): Record<string, string> {
  const known: Record<string, string> = {
    hs_list_size: plain(list.size),
    hs_lastmodifieddate: String(Date.parse(list.updatedAt as string)),
    hs_createdate: String(Date.parse(list.createdAt as string)),
    hs_list_reference_count: '0',
  }
  return Object.fromEntries(names.flatMap((name) => (name in known ? [[name, known[name]!]] : [])))
}

/** By record id, or the newest joined first. */
function memberships(
  portal: Portal,
  listId: string,
  query: URLSearchParams,
  byJoin: boolean,
): Fields {
  const limit = limitOf(query.get('limit'), 100, membershipsMax)
  const type = typeNamed(
    portal,
    (portal.notes('list').get(listId) as Fields).objectTypeId as string,
  )
  const all = [...portal.notes(`member ${listId}`)]
    .filter(([recordId]) => portal.find(type, recordId)?.archivedMs === null)
    .map(([recordId, at]) => ({ recordId, membershipTimestamp: at as string }))
  if (byJoin) {
    all.sort((a, b) => Date.parse(b.membershipTimestamp) - Date.parse(a.membershipTimestamp))
  } else all.sort((a, b) => Number(a.recordId) - Number(b.recordId))
  const after = query.get('after')
  const offset =
    after === null
      ? 0
      : byJoin
        ? Number(Buffer.from(after, 'base64').toString())
        : all.filter(({ recordId }) => Number(recordId) <= Number(decoded(after))).length
  const results = all.slice(offset, offset + limit)
  const end = offset + results.length
  if (results.length === 0 || end >= all.length) return { total: all.length, results }
  const next = byJoin ? String(end) : results.at(-1)!.recordId
  return {
    total: all.length,
    results,
    paging: { next: { after: Buffer.from(next).toString('base64'), link: '?after=' } },
  }
}

function decoded(after: string): string {
  return Buffer.from(after, 'base64').toString()
}
