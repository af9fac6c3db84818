import type { OauthApp } from '../../store/oauthApps.ts'
import {
  createOauthApp,
  deleteOauthApp,
  getOauthApp,
  listOauthApps,
  patchOauthApp,
} from '../../store/oauthApps.ts'
import { connectorOf, masked } from '../catalog.ts'
import type { ApiDeps } from '../deps.ts'
import { places } from '../../credentials/places.ts'
import type { Route } from '../route.ts'
import { created, deleted, ok, route } from '../route.ts'
import * as schemas from '../schemas/oauthApps.ts'
import { deletedAnswer } from '../schemas/values.ts'
import { toWire } from '../wire.ts'

const tag = 'OAuth apps'

function shownApp({ version: _, ...app }: OauthApp) {
  return { ...toWire(app), client_secret: masked }
}

/** Bound to the row: a sealed secret moved to another row does not open. */
function seal(deps: ApiDeps, id: string, clientSecret: string) {
  return deps.sealer.seal({ client_secret: clientSecret }, places.oauthApp(id))
}

export const oauthAppRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/oauth-apps',
    operation: 'createOauthApp',
    summary: 'Store an OAuth app',
    description: 'Your own client at a provider, for the credentials of your customers.',
    tag,
    right: 'write',
    creates: true,
    body: schemas.createOauthApp,
    answers: { 201: { description: 'The new OAuth app.', schema: schemas.oauthApp } },
    problems: [],
    async handle({ deps, tenantId, newId, body }) {
      connectorOf(deps, body.provider)
      const app = await createOauthApp(deps.db, tenantId, {
        id: newId,
        provider: body.provider,
        name: body.name,
        clientId: body.client_id,
        metadata: body.metadata ?? {},
        ...seal(deps, newId, body.client_secret),
      })
      return created(shownApp(app), app.version)
    },
  }),
  route({
    method: 'GET',
    path: '/v1/oauth-apps',
    operation: 'listOauthApps',
    summary: 'List OAuth apps',
    tag,
    right: 'read',
    query: schemas.oauthAppQuery,
    answers: { 200: { description: 'OAuth apps, newest first.', schema: schemas.oauthAppList } },
    problems: [],
    async handle({ deps, tenantId, query }) {
      const filter = {
        provider: query.provider ?? null,
        name: query.name ?? null,
        metadata: query.metadata ?? null,
      }
      const page = await listOauthApps(deps.db, tenantId, filter, {
        limit: query.limit,
        cursor: query.cursor ?? null,
      })
      return ok({ data: page.rows.map(shownApp), next_cursor: page.nextCursor })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/oauth-apps/{id}',
    operation: 'getOauthApp',
    summary: 'Get an OAuth app',
    tag,
    right: 'read',
    answers: { 200: { description: 'The OAuth app.', schema: schemas.oauthApp } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      const app = await getOauthApp(deps.db, tenantId, params.id)
      return ok(shownApp(app), app.version)
    },
  }),
  route({
    method: 'PATCH',
    path: '/v1/oauth-apps/{id}',
    operation: 'patchOauthApp',
    summary: 'Change an OAuth app',
    description: 'Name, client secret and metadata. What is left out stays.',
    tag,
    right: 'write',
    versioned: true,
    body: schemas.patchOauthApp,
    answers: { 200: { description: 'The OAuth app as it is now.', schema: schemas.oauthApp } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body, ifMatch }) {
      const { name, client_secret: secret, metadata } = body
      const patch = {
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
        ...(secret === undefined ? {} : seal(deps, params.id, secret)),
      }
      const app = await patchOauthApp(deps.db, tenantId, params.id, patch, ifMatch)
      return ok(shownApp(app), app.version)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/oauth-apps/{id}',
    operation: 'deleteOauthApp',
    summary: 'Delete an OAuth app',
    description: 'Refused while credentials use it.',
    tag,
    right: 'write',
    answers: { 200: { description: 'It is gone.', schema: deletedAnswer } },
    problems: ['not-found', 'in-use'],
    async handle({ deps, tenantId, params }) {
      await deleteOauthApp(deps.db, tenantId, params.id)
      return deleted(params.id)
    },
  }),
]
