import type { FaultRule } from '../kit/faults.ts'
import type { SimAnswer, SimRequest } from '../kit/serve.ts'
import { accountInfo } from './accountInfo.ts'
import { pairAssociations, recordAssociations } from './associationsApi.ts'
import type { Grant, Keys } from './auth.ts'
import { authenticate, requireScope, requireType, requireVisible } from './auth.ts'
import { archive } from './change.ts'
import { HubspotError, errorAnswer, forbidden, notFound, unknownUrl } from './errors.ts'
import { playFault } from './faults.ts'
import { journal, journalFile } from './journal.ts'
import { createLimiter } from './limits.ts'
import type { Limiter } from './limits.ts'
import { batchRead, listObjects, readObject } from './list.ts'
import { lists } from './lists.ts'
import { oauth } from './oauth.ts'
import { owners } from './owners.ts'
import { pipelines } from './pipelines.ts'
import type { Portal } from './portal.ts'
import { properties } from './propertiesApi.ts'
import { typeNamed } from './query.ts'
import { recordCounts } from './recordCounts.ts'
import { creates, readRoute } from './route.ts'
import type { Route } from './route.ts'
import { schemas } from './schemas.ts'
import { search } from './search.ts'
import type { Fields, ObjectType } from './objectTypes.ts'
import { batchWrite, createObject, gdprDeleteObject, mergeObjects, updateObject } from './writes.ts'
import { webhookManagement } from './webhookManagement.ts'

/** What a family of paths needs to answer. */
type Call = {
  portal: Portal
  limiter: Limiter
  grant: Grant
  request: SimRequest
  query: URLSearchParams
  route: Route
}

/** Null: an empty answer. */
type Result = Fields | null

/** The provider: takes a request, gives the answer with its headers. Never throws. */
export function createApi(
  portal: Portal,
  keys: Keys,
): (request: SimRequest, fault: FaultRule | null) => SimAnswer {
  const limiter = createLimiter(portal)
  return (request, fault) => {
    const correlationId = `${portal.now().toString(16)}-${Math.floor(Math.random() * 1e12).toString(16)}`
    const headers: Record<string, string> = {
      'content-type': 'application/json;charset=utf-8',
      date: new Date(portal.now()).toUTCString(),
      'x-hubspot-correlation-id': correlationId,
    }
    try {
      if (fault !== null) playFault(portal, fault)
      if (request.path.length + request.query.length + 1 >= portal.settings.urlMax) {
        return { status: 414, headers: { ...headers, 'content-type': 'text/html' }, body: tooLong }
      }
      return finish(perform(portal, keys, limiter, request, headers), request, headers)
    } catch (error) {
      if (!(error instanceof HubspotError)) throw error
      const answer = errorAnswer(error, correlationId)
      return { ...answer, headers: { ...headers, ...answer.headers } }
    }
  }
}

const tooLong = '<html><head><title>414 Request-URI Too Large</title></head></html>'

function perform(
  portal: Portal,
  keys: Keys,
  limiter: Limiter,
  request: SimRequest,
  headers: Record<string, string>,
): Result {
  const route = readRoute(request.path)
  if (route === null) throw unknownUrl()
  if (route.family === 'oauth') return oauth(portal, keys, request, route.version, route.parts)
  const query = new URLSearchParams(request.query)
  if (route.family === 'webhooks') return webhookManagement(portal, request, query, route.parts)
  if (route.family === 'journal-files') return journalFile(portal, route.parts[0] ?? '', query)
  const grant = authenticate(portal, request.headers)
  const searching = route.family === 'objects' && route.parts[1] === 'search'
  Object.assign(headers, limiter.take(grant, searching))
  if (portal.settings.suspended) {
    throw forbidden('This account is suspended or its trial has ended. Contact HubSpot support.')
  }
  const family = families[route.family]
  if (family === undefined) throw unknownUrl()
  return family({ portal, limiter, grant, request, query, route })
}

/** A batch with errors in it is a 207. */
function finish(
  result: Result,
  { method, path }: SimRequest,
  headers: Record<string, string>,
): SimAnswer {
  if (result === null) return { status: 204, headers, body: '' }
  const whole = creates(method, readRoute(path)!) ? 201 : 200
  return { status: 'numErrors' in result ? 207 : whole, headers, body: JSON.stringify(result) }
}

const families: Record<string, (call: Call) => Result> = {
  objects: (call) => {
    const type = typeNamed(call.portal, call.route.parts[0] ?? '')
    return call.route.parts[2] === 'associations' ? linksOf(call, type) : objects(call, type)
  },
  associations: ({ portal, grant, request, route }) => {
    const [from, to, ...parts] = route.parts
    const fromType = typeNamed(portal, from ?? '')
    const toType = typeNamed(portal, to ?? '')
    const write = ['create', 'archive', 'default'].includes(parts.at(-1) ?? '')
    for (const type of [fromType, toType]) requireType(grant, type, write ? 'write' : 'read')
    return pairAssociations(portal, fromType, toType, parts, request, route.version === 'v3')
  },
  properties: ({ portal, grant, request, query, route }) => {
    const type = typeNamed(portal, route.parts[0] ?? '')
    requireScope(grant, [...type.scopes, `crm.schemas.${type.name}.read`])
    requireVisible(grant, type.name, type.singular)
    return properties(portal, type, request, query, route.parts.slice(1))
  },
  pipelines: ({ portal, grant, request, route }) => {
    const type = typeNamed(portal, route.parts[0] ?? '')
    requireType(grant, type, 'read')
    requireVisible(grant, 'pipelines', 'pipeline')
    if (request.method !== 'GET') throw unknownUrl()
    return pipelines(portal, type, route.parts.slice(1))
  },
  owners: ({ portal, grant, request, query, route }) => {
    requireScope(grant, ['crm.objects.owners.read'])
    if (request.method !== 'GET' || route.parts.length > 1) throw unknownUrl()
    return owners(portal, query, route.parts[0])
  },
  schemas: ({ portal, grant, request, query, route }) => {
    requireScope(grant, ['crm.schemas.custom.read'])
    return schemas(portal, request, query, route.parts)
  },
  lists: ({ portal, grant, request, query, route }) => {
    requireScope(grant, ['crm.lists.read'])
    requireVisible(grant, 'list_memberships', 'list membership')
    return lists(portal, request, query, route.parts)
  },
  'webhooks-journal': ({ portal, grant, request, route }) =>
    journal(portal, grant, request, route.parts),
  limits: ({ portal, request, route }) => {
    if (request.method !== 'GET' || route.parts.join() !== 'records') throw unknownUrl()
    return recordCounts(portal)
  },
  'account-info': ({ portal, limiter, request, route, grant }) => {
    requireVisible(grant, 'account', 'account')
    if (request.method !== 'GET') throw unknownUrl()
    return accountInfo(portal, limiter, route.parts)
  },
}

/** `/{type}/{id}/associations/…`. The release of September 2026 has no reading of one record's associations. */
function linksOf({ portal, grant, request, query, route }: Call, type: ObjectType): Result {
  const [, id, , ...rest] = route.parts
  const [to, toId] = rest[0] === 'default' ? rest.slice(1) : rest
  const toType = typeNamed(portal, to ?? '')
  const access = request.method === 'GET' ? 'read' : 'write'
  for (const each of [type, toType]) requireType(grant, each, access)
  if (route.version === '2026-09' && request.method === 'GET') throw unknownUrl()
  return recordAssociations(portal, type, id!, toType, toId, request, query)
}

function objects({ portal, grant, request, query, route }: Call, type: ObjectType): Result {
  const { method, body } = request
  const [, first, second] = route.parts
  const reading = method === 'GET' || first === 'search' || second === 'read'
  requireType(grant, type, reading ? 'read' : 'write')
  if (route.parts.length > 3 || (second !== undefined && first !== 'batch')) throw unknownUrl()
  switch (`${method} ${first ?? ''}`) {
    case 'GET ':
      return listObjects(portal, type, query)
    case 'POST ':
      return createObject(portal, type, body)
    case 'POST search':
      return search(portal, type, body)
    case 'POST merge':
      return mergeObjects(portal, type, body)
    case 'POST gdpr-delete':
      return gdprDeleteObject(portal, type, body)
    case 'POST batch':
      if (second === 'read') return batchRead(portal, type, body, query)
      if (['create', 'update', 'upsert', 'archive'].includes(second ?? '')) {
        return batchWrite(portal, type, second!, body)
      }
      throw unknownUrl()
    default:
  }
  if (first === undefined || !/^(GET|PATCH|DELETE)$/.test(method)) throw unknownUrl()
  if (query.get('idProperty') === null && !/^\d+$/.test(first)) {
    throw notFound('Object not found.  objectId are usually numeric.')
  }
  if (method === 'GET') return readObject(portal, type, first, query)
  if (method === 'PATCH') return updateObject(portal, type, first, query, body)
  archive(portal, type, first)
  return null
}
