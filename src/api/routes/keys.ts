import { randomBytes } from 'node:crypto'
import { AppError } from '../../domain/error.ts'
import type { Caller } from '../../store/apiKeys.ts'
import { createApiKey, listApiKeys, revokeApiKey, tenantOfKey } from '../../store/apiKeys.ts'
import { createTenant, deleteTenant, getTenant, listTenants } from '../../store/tenants.ts'
import { authorize } from '../auth.ts'
import type { ApiDeps } from '../deps.ts'
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
      const tenantId = await known(
        tenantFor(deps, caller, body.tenant_id),
        'tenant_id',
        'names no tenant',
      )
      const expiresAt = typeof body.expires_at === 'string' ? new Date(body.expires_at) : null
      if (expiresAt !== null && !isAhead(expiresAt, deps.now()))
        throw invalid({ expires_at: ['must be in the future, and before the year 9999'] })
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
    problems: ['not-found'],
    async handle({ deps, caller, query }) {
      const page = await listApiKeys(
        deps.db,
        await tenantFor(deps, caller, query.tenant_id),
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
    description: 'It stops at once, in every process. With the operator key: a key of any tenant.',
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
      const owner = caller.operator ? await tenantOfKey(deps.db, params.id) : tenantId
      await revokeApiKey(deps.db, owner, params.id)
      return deleted(params.id)
    },
  }),
]

/** The tenant whose keys are meant: the caller's, or with the operator key any. */
async function tenantFor(
  deps: ApiDeps,
  caller: Caller,
  asked: string | undefined,
): Promise<string> {
  if (asked === undefined || asked === caller.tenantId) return caller.tenantId
  authorize(caller, 'operator')
  return (await getTenant(deps.db, asked)).id
}

const lastExpiryMs = Date.UTC(9999, 0)

function isAhead(at: Date, now: number): boolean {
  return at.getTime() > now && at.getTime() < lastExpiryMs
}
