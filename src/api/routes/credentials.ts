import {
  deleteCredential,
  getCredential,
  getSealedCredential,
  listCredentials,
  patchCredential,
} from '../../store/credentials.ts'
import { webhookEndpointsOf } from '../../store/webhookEndpoints.ts'
import {
  checkCredential,
  importCredential,
  nudgeSyncs,
  replaceProperties,
  shownCredential,
} from '../credential.ts'
import type { Route } from '../route.ts'
import { removeEndpoints } from '../webhookEndpoint.ts'
import { deleted, ok, route } from '../route.ts'
import * as schemas from '../schemas/credentials.ts'
import { emptyBody } from '../schemas/syncs.ts'
import { deletedAnswer } from '../schemas/values.ts'

const tag = 'Credentials'

export const credentialRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/credentials',
    operation: 'createCredential',
    summary: 'Import a credential',
    description:
      'The provider is asked which account it is. The same account again is the same credential, with new secrets.',
    tag,
    right: 'write',
    creates: true,
    body: schemas.createCredential,
    answers: {
      200: {
        description: 'The credential of this account was there, and has these secrets now.',
        schema: schemas.credential,
      },
      201: { description: 'The new credential.', schema: schemas.credential },
    },
    problems: ['credential-rejected', 'upstream-refused'],
    async handle(call) {
      const { credential, created } = await importCredential(call, call.body, null, null)
      return {
        status: created ? 201 : 200,
        body: shownCredential(call.deps, credential),
        version: credential.version,
      }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/credentials',
    operation: 'listCredentials',
    summary: 'List credentials',
    tag,
    right: 'read',
    query: schemas.credentialQuery,
    answers: { 200: { description: 'Credentials, newest first.', schema: schemas.credentialList } },
    problems: [],
    async handle({ deps, tenantId, query }) {
      const status = query['health.status']
      if (status === 'initializing' || status === 'warning')
        return ok({ data: [], next_cursor: null })
      const filter = {
        provider: query.provider ?? null,
        kind: query.kind ?? null,
        name: query.name ?? null,
        status: status ?? null,
        metadata: query.metadata ?? null,
      }
      const page = await listCredentials(deps.db, tenantId, filter, {
        limit: query.limit,
        cursor: query.cursor ?? null,
      })
      return ok({
        data: page.rows.map((row) => shownCredential(deps, row)),
        next_cursor: page.nextCursor,
      })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/credentials/{id}',
    operation: 'getCredential',
    summary: 'Get a credential',
    tag,
    right: 'read',
    answers: {
      200: { description: 'The credential; secrets are masked.', schema: schemas.credential },
    },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      const row = await getCredential(deps.db, tenantId, params.id)
      return ok(shownCredential(deps, row), row.version)
    },
  }),
  route({
    method: 'PATCH',
    path: '/v1/credentials/{id}',
    operation: 'patchCredential',
    summary: 'Change a credential',
    description:
      'Name and metadata, or new properties of the same account: a rotated key. Its syncs go on with them at once.',
    tag,
    right: 'write',
    versioned: true,
    body: schemas.patchCredential,
    answers: { 200: { description: 'The credential as it is now.', schema: schemas.credential } },
    problems: ['not-found', 'account-mismatch', 'credential-rejected', 'upstream-refused'],
    async handle(call) {
      const { deps, tenantId, params, body } = call
      const { name, metadata, properties, oauth_app_id: oauthAppId } = body
      const before = await getCredential(deps.db, tenantId, params.id)
      const replaced =
        properties === undefined
          ? {}
          : await replaceProperties(call, before, properties, oauthAppId ?? before.oauthAppId)
      const patch = {
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
        ...(oauthAppId === undefined ? {} : { oauthAppId }),
        ...replaced,
      }
      const row = await patchCredential(deps.db, tenantId, params.id, patch, call.ifMatch)
      if (properties !== undefined) await nudgeSyncs(deps, tenantId, row.id)
      return ok(shownCredential(deps, row), row.version)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/credentials/{id}',
    operation: 'deleteCredential',
    summary: 'Delete a credential',
    description:
      'Refused while syncs use it. Webhook endpoints that were registered with it are taken away.',
    tag,
    right: 'write',
    answers: { 200: { description: 'It is gone, with its secrets.', schema: deletedAnswer } },
    problems: ['not-found', 'in-use'],
    async handle({ deps, tenantId, params, signal }) {
      const row = await getSealedCredential(deps.db, tenantId, params.id)
      const endpoints = await webhookEndpointsOf(deps.db, tenantId, row.id)
      await deleteCredential(deps.db, tenantId, row.id)
      await removeEndpoints(deps, row, endpoints, signal())
      return deleted(row.id)
    },
  }),
  route({
    method: 'POST',
    path: '/v1/credentials/{id}/check',
    operation: 'checkCredential',
    summary: 'Check a credential now',
    description: 'Asks the provider. The answer is in `health`.',
    tag,
    right: 'write',
    body: emptyBody,
    bodyOptional: true,
    answers: {
      200: {
        description: 'The credential, with what the provider says.',
        schema: schemas.credential,
      },
    },
    problems: ['not-found', 'upstream-refused'],
    async handle(call) {
      const row = await getSealedCredential(call.deps.db, call.tenantId, call.params.id)
      const checked = await checkCredential(call, row)
      return ok(shownCredential(call.deps, checked), checked.version)
    },
  }),
]
