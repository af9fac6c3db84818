import { createHash } from 'node:crypto'
import type { SimRequest } from '../kit/serve.ts'
import type { Grant } from './auth.ts'
import { requireScope } from './auth.ts'
import { forbidden, invalid, notFound, unknownUrl } from './errors.ts'
import type { PortalEvent } from './events.ts'
import { plain } from './objectTypes.ts'
import type { Fields } from './objectTypes.ts'
import type { Portal } from './portal.ts'
import { bodyOf, textsOf, typeNamed } from './query.ts'

const retentionMs = 3 * 86_400_000
const eventsOfFile = 100
const urlMs = 300_000
const scope = 'developer.webhooks_journal'

type File = { publishedAt: number; journalEvents: Fields[] }

/**
 * `/webhooks-journal/{journal,journal-local,subscriptions,snapshots}/2026-03/…`: a feed to be pulled, file by file, for three
 * days. Null: an empty answer, at the tip of the feed.
 */
export function journal(
  portal: Portal,
  grant: Grant,
  request: SimRequest,
  [part, ...parts]: string[],
): Fields | null {
  switch (part) {
    case 'journal':
    case 'journal-local':
      requireScope(grant, [`${scope}.read`])
      return readFiles(portal, request, parts)
    case 'subscriptions':
      requireScope(grant, [`${scope}.subscriptions.${request.method === 'GET' ? 'read' : 'write'}`])
      return subscriptions(portal, request, parts)
    case 'snapshots':
      requireScope(grant, [`${scope}.snapshots.write`])
      if (request.method !== 'POST' || parts.join() !== 'crm') throw unknownUrl()
      return snapshots(portal, bodyOf(request.body))
    case undefined:
    default:
      throw unknownUrl()
  }
}

/** The file behind a signed URL. Throws 403 when that has expired. */
export function journalFile(portal: Portal, offset: string, query: URLSearchParams): Fields {
  const expires = Number(query.get('expires'))
  if (query.get('signature') !== signature(portal, offset, expires) || expires < portal.now()) {
    throw forbidden('Request has expired')
  }
  const file = portal.notes('journal').get(offset) as File | undefined
  if (file === undefined) throw notFound()
  return { offset, ...file }
}

/** Writes what happens into the files, as far as somebody is subscribed to it. */
export function startJournal(portal: Portal): void {
  portal.listeners.add((event) => {
    const entries = [...portal.notes('journalSubscription').values()].flatMap((subscription) =>
      entryOf(subscription as Fields, event),
    )
    // Two subscriptions may mean the same change.
    if (entries[0] !== undefined) write(portal, { ...base(portal), ...entries[0] })
  })
}

function base(portal: Portal): Fields {
  return { portalId: Number(portal.id), occurredAt: portal.ms() }
}

/** An event goes into the newest file, unless that is full or somebody has read it. */
function write(portal: Portal, event: Fields): void {
  const files = filesOf(portal)
  const newest = files.at(-1)
  const sealed = portal.notes('counter').get('journalRead')
  if (
    newest !== undefined &&
    newest[1].journalEvents.length < eventsOfFile &&
    sealed !== newest[0]
  ) {
    const journalEvents = [...newest[1].journalEvents, event]
    portal.note('journal', newest[0], { publishedAt: portal.now(), journalEvents })
    return
  }
  for (const [offset, { publishedAt }] of files) {
    if (publishedAt + retentionMs < portal.now()) portal.note('journal', offset, null)
  }
  const number = Number(portal.notes('counter').get('journal') ?? 0) + 1
  portal.note('counter', 'journal', number)
  const hash = createHash('sha256').update(`${portal.seed} ${number}`).digest('hex')
  const offset = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`
  portal.note('journal', offset, { publishedAt: portal.now(), journalEvents: [event] })
}

function filesOf(portal: Portal): [offset: string, file: File][] {
  return [...(portal.notes('journal') as ReadonlyMap<string, File>)]
}

function readFiles(portal: Portal, request: SimRequest, parts: string[]): Fields | null {
  const files = filesOf(portal).filter(
    ([, { publishedAt }]) => publishedAt + retentionMs >= portal.now(),
  )
  const offsets = files.map(([offset]) => offset)
  const after = (offset: string) => {
    const index = offsets.indexOf(offset)
    if (index < 0) throw notFound('The offset is unknown or no longer kept')
    return offsets.slice(index + 1)
  }
  const [first = '', second = '', third = '', count = ''] = parts
  const one = ([offset]: string[]) => (offset === undefined ? null : link(portal, request, offset))
  const many = (chosen: string[], max: string) => {
    const results = chosen.slice(0, amount(max)).map((offset) => link(portal, request, offset))
    return results.length === 0 ? null : { results }
  }
  const last = offsets.at(-1)
  if (last !== undefined) portal.note('counter', 'journalRead', last)
  switch (
    parts.length === 4 ? `${first} * ${third}` : parts.length === 1 ? first : `${first} ${second}`
  ) {
    case 'earliest':
      return one(offsets)
    case 'latest':
      return one(offsets.slice(-1))
    case 'batch earliest':
      return many(offsets, third)
    case 'batch latest':
      return many(offsets.toReversed(), third)
    case 'batch * next':
      return many(after(second), count)
    case 'batch read': {
      const inputs = textsOf(bodyOf(request.body).inputs).filter((each) => offsets.includes(each))
      return { results: inputs.map((offset) => link(portal, request, offset)) }
    }
    default:
  }
  if (first === 'offset' && third === 'next') return one(after(second))
  if (first === 'status' && parts.length === 2) return statusOf(portal, second)
  throw unknownUrl()
}

function amount(text: string): number {
  const count = Number(text)
  if (!(count >= 1 && count <= 100)) throw invalid('The number of files is 1 to 100')
  return count
}

/** Where a file can be fetched without a token, for five minutes. */
function link(portal: Portal, { headers }: SimRequest, offset: string): Fields {
  const expires = portal.now() + urlMs
  const query = `expires=${expires}&signature=${signature(portal, offset, expires)}`
  return {
    url: `http://${headers.host ?? 'localhost'}/journal-files/v1/${offset}?${query}`,
    expiresAt: new Date(expires).toISOString(),
    currentOffset: offset,
  }
}

function signature(portal: Portal, offset: string, expires: number): string {
  return createHash('sha256').update(`${portal.seed} ${offset} ${expires}`).digest('hex')
}

const kinds = ['OBJECT', 'ASSOCIATION', 'LIST_MEMBERSHIP', 'GDPR_PRIVACY_DELETION']

function subscriptions(
  portal: Portal,
  { method, body }: SimRequest,
  [id, portalId]: string[],
): Fields | null {
  const all = portal.notes('journalSubscription')
  if (id === undefined) {
    if (method === 'GET') return { results: [...all.values()] }
    if (method !== 'POST') throw unknownUrl()
    const given = bodyOf(body)
    if (!kinds.includes(plain(given.subscriptionType))) {
      throw invalid(`subscriptionType is one of ${kinds.join(', ')}`)
    }
    if (plain(given.portalId) !== portal.id) throw invalid('The app is not installed there')
    const number = Number(portal.notes('counter').get('journalSubscription') ?? 0) + 1
    const subscription = { ...given, id: number }
    portal.note('counter', 'journalSubscription', number)
    portal.note('journalSubscription', String(number), subscription)
    return subscription
  }
  if (id === 'portals' && method === 'DELETE') {
    if (portalId === portal.id)
      for (const key of all.keys()) portal.note('journalSubscription', key, null)
    return null
  }
  const subscription = all.get(id)
  if (subscription === undefined) throw notFound()
  if (method === 'GET') return subscription as Fields
  if (method !== 'DELETE') throw unknownUrl()
  portal.note('journalSubscription', id, null)
  return null
}

const actions: Record<string, string> = {
  creation: 'CREATE',
  propertyChange: 'UPDATE',
  deletion: 'DELETE',
  merge: 'MERGE',
  restore: 'RESTORE',
}

/** What a subscription makes of an event: one entry or none. */
function entryOf(subscription: Fields, event: PortalEvent): Fields[] {
  const { subscriptionType } = subscription
  const wanted = textsOf(subscription.actions)
  const objectId = Number(event.id)
  const there = { objectTypeId: event.type.typeId, objectId }
  const ofType = subscription.objectTypeId === event.type.typeId
  const entry = (type: string, action: string, more: Fields) =>
    wanted.length === 0 || wanted.includes(action) ? [{ type, action, ...there, ...more }] : []
  switch (event.kind) {
    case 'associationChange':
      if (subscriptionType !== 'ASSOCIATION' || !ofType) return []
      return entry('crm.association', event.removed ? 'ASSOCIATION_REMOVED' : 'ASSOCIATION_ADDED', {
        associatedObjectTypeId: event.toType.typeId,
        associatedObjectId: Number(event.toId),
        associationTypeId: event.typeId,
      })
    case 'membership':
      if (subscriptionType !== 'LIST_MEMBERSHIP') return []
      if (!textsOf(subscription.listIds).includes(event.listId)) return []
      return entry('crm.listMembership', event.removed ? 'REMOVED_FROM_LIST' : 'ADDED_TO_LIST', {
        listId: Number(event.listId),
      })
    case 'privacyDeletion':
      if (subscriptionType !== 'GDPR_PRIVACY_DELETION') return []
      return entry('crm.gdpr', 'GDPR_DELETE', {})
    case 'propertyChange': {
      const names = textsOf(subscription.properties)
      if (subscriptionType !== 'OBJECT' || !ofType) return []
      if (names.length > 0 && !names.includes(event.name)) return []
      return entry('crm.object', 'UPDATE', { propertyChanges: { [event.name]: event.value } })
    }
    case 'merge':
      if (subscriptionType !== 'OBJECT' || !ofType) return []
      return entry('crm.object', 'MERGE', {
        primaryObjectId: Number(event.primaryId),
        mergedObjectIds: event.mergedIds.map(Number),
        newObjectId: objectId,
      })
    case 'creation':
    case 'deletion':
    case 'restore':
      if (subscriptionType !== 'OBJECT' || !ofType) return []
      return entry('crm.object', actions[event.kind]!, {})
  }
}

/** Records asked for by name come through the feed themselves, as they are now. */
function snapshots(portal: Portal, body: Fields): Fields {
  const requests = (body.snapshotRequests ?? []) as Fields[]
  const number = Number(portal.notes('counter').get('journalSnapshot') ?? 0) + 1
  portal.note('counter', 'journalSnapshot', number)
  for (const request of requests) {
    const type = typeNamed(portal, plain(request.objectTypeId))
    const row = portal.find(type, plain(request.objectId))
    if (row === null) continue
    const names = textsOf(request.properties)
    const propertyChanges = Object.fromEntries(
      names.flatMap((name) => (row.values[name] === undefined ? [] : [[name, row.values[name]]])),
    )
    write(portal, {
      ...base(portal),
      type: 'crm.object',
      action: 'SNAPSHOT',
      objectTypeId: type.typeId,
      objectId: Number(row.id),
      propertyChanges,
    })
  }
  return { snapshotStatusId: String(number) }
}

function statusOf(portal: Portal, id: string): Fields {
  if (Number(id) > Number(portal.notes('counter').get('journalSnapshot') ?? 0)) throw notFound()
  return { id, status: 'SUCCESS', initiatedAt: portal.now(), completedAt: portal.now() }
}
