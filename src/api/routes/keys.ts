import { randomBytes } from 'node:crypto'
import { AppError } from '../../domain/error.ts'
import { createApiKey, listApiKeys, revokeApiKey } from '../../store/apiKeys.ts'
import { createTenant, deleteTenant, getTenant, listTenants } from '../../store/tenants.ts'
import { authorize } from '../auth.ts'
import { invalid } from '../input.ts'
import type { Route } from '../route.ts'
import { created, deleted, ok, route } from '../route.ts'
import * as schemas from '../schemas/keys.ts'
import { deletedAnswer } from '../schemas/values.ts'
import { known } from '../stream.ts'
import { toWire } from '../wire.ts'

const tag = 'Tenants and keys'

export const tenantRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/tenants',
    operation: 'createTenant',
    summary: 'Create a tenant',
    description: 'Needs the operator key. Its first key: `POST /v1/api-keys` with its `tenant_id`.',
    tag,
    right: 'operator',
    creates: true,
    body: schemas.createTenant,
    answers: {
      201: { description: 'The new tenant, with a stream `default`.', schema: schemas.tenant },
    },
    problems: ['name-taken'],
    async handle({ deps, newId, body }) {
      return created(toWire(await createTenant(deps.db, { id: newId, name: body.name })))
    },
  }),
  route({
    method: 'GET',
    path: '/v1/tenants',
    operation: 'listTenants',
    summary: 'List tenants',
    description: 'Needs the operator key.',
    tag,
    right: 'operator',
    query: schemas.tenantQuery,
    answers: { 200: { description: 'Tenants, newest first.', schema: schemas.tenantList } },
    problems: [],
    async handle({ deps, query }) {
      const page = await listTenants(
        deps.db,
        { name: query.name ?? null },
        { limit: query.limit, cursor: query.cursor ?? null },
      )
      return ok({ data: toWire(page.rows), next_cursor: page.nextCursor })
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/tenants/{id}',
    operation: 'deleteTenant',
    summary: 'Delete a tenant',
    description:
      'Needs the operator key. Its keys stop at once, its secrets are erased. Refused while it has syncs or consumers.',
    tag,
    right: 'operator',
    answers: { 200: { description: 'It is gone.', schema: deletedAnswer } },
    problems: ['not-found', 'in-use', 'conflict'],
    async handle({ deps, params }) {
      await deleteTenant(deps.db, params.id)
      return deleted(params.id)
    },
  }),
]

export const keyRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/api-keys',
    operation: 'createApiKey',
    summary: 'Create an API key',
    description: 'The key itself is in this answer, and never again: only its hash is kept.',
    tag,
    right: 'admin',
    creates: true,
    body: schemas.createApiKey,
    answers: { 201: { description: 'The new key.', schema: schemas.newApiKey } },
    problems: [],
    async handle({ deps, caller, newId, body }) {
      const tenantId = body.tenant_id ?? caller.tenantId
      if (tenantId !== caller.tenantId) {
        authorize(caller, 'operator')
        await known(getTenant(deps.db, tenantId), 'tenant_id', 'names no tenant')
      }
      const expiresAt = typeof body.expires_at === 'string' ? new Date(body.expires_at) : null
      if (expiresAt !== null && expiresAt.getTime() <= deps.now())
        throw invalid({ expires_at: ['must be in the future'] })
      const key = `sluice_${randomBytes(32).toString('base64url')}`
      const scopes = [...new Set(body.scopes)]
      const made = await createApiKey(deps.db, tenantId, {
        id: newId,
        name: body.name,
        scopes,
        expiresAt,
        key,
      })
      return created({ ...toWire(made), key })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/api-keys',
    operation: 'listApiKeys',
    summary: 'List API keys',
    description: 'Those of the tenant that are not revoked.',
    tag,
    right: 'admin',
    query: schemas.apiKeyQuery,
    answers: { 200: { description: 'Keys, newest first.', schema: schemas.apiKeyList } },
    problems: [],
    async handle({ deps, tenantId, query }) {
      const page = await listApiKeys(
        deps.db,
        tenantId,
        { name: query.name ?? null },
        { limit: query.limit, cursor: query.cursor ?? null },
      )
      return ok({ data: toWire(page.rows), next_cursor: page.nextCursor })
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    operation: 'deleteApiKey',
    summary: 'Revoke an API key',
    description: 'It stops at once, in every process.',
    tag,
    right: 'admin',
    answers: { 200: { description: 'It is revoked.', schema: deletedAnswer } },
    problems: ['not-found', 'conflict'],
    async handle({ deps, tenantId, caller, params }) {
      if (params.id === caller.keyId) {
        throw new AppError(
          'conflict',
          'A key cannot revoke itself. Use another key, so that you are not locked out.',
        )
      }
      await revokeApiKey(deps.db, tenantId, params.id)
      return deleted(params.id)
    },
  }),
]
