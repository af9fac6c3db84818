import { z } from 'zod'
import { scopes } from '../../store/apiKeys.ts'
import { id, idIn, listOf, listQuery, name, text, time } from './values.ts'

export const createTenant = z
  .strictObject({ name: text(100).describe('Unique in the installation.') })
  .meta({ id: 'CreateTenant', example: { name: 'acme' } })

export const tenantQuery = z.strictObject({ ...listQuery, name: z.string().max(200).optional() })

export const tenant = z.object({ id, name: z.string(), created_at: time }).meta({ id: 'Tenant' })

export const tenantList = listOf(tenant, 'TenantList')

export const createApiKey = z
  .strictObject({
    name,
    scopes: z
      .array(z.enum(scopes))
      .min(1)
      .max(scopes.length)
      .default([...scopes])
      .describe('`write` includes `read`; `admin` includes all.'),
    expires_at: z.iso
      .datetime({ offset: true, error: 'must be a time such as `2027-01-31T00:00:00Z`' })
      .nullish()
      .describe('Null: does not expire.'),
    tenant_id: idIn.optional().describe('Only with the operator key: a key of another tenant.'),
  })
  .meta({ id: 'CreateApiKey', example: { name: 'worker', scopes: ['consume'] } })

export const apiKeyQuery = z.strictObject({
  ...listQuery,
  name: z.string().max(200).optional(),
  tenant_id: idIn.optional().describe('Only with the operator key: keys of another tenant.'),
})

const apiKeyFields = {
  id,
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  expires_at: time.nullable(),
  last_used_at: time.nullable().describe('Exact to a minute.'),
  created_at: time,
}

const apiKey = z.object(apiKeyFields).meta({ id: 'ApiKey' })
export const newApiKey = z
  .object({ ...apiKeyFields, key: z.string().describe('Shown this once.') })
  .meta({ id: 'NewApiKey' })
export const apiKeyList = listOf(apiKey, 'ApiKeyList')
