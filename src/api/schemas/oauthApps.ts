import { z } from 'zod'
import {
  id,
  listOf,
  listQuery,
  metadata,
  metadataFilter,
  name,
  provider,
  text,
  time,
} from './values.ts'

export const createOauthApp = z
  .strictObject({
    provider,
    name,
    client_id: text(500),
    client_secret: text(2000),
    metadata: metadata.optional(),
  })
  .meta({
    id: 'CreateOauthApp',
    example: {
      provider: 'crm',
      name: 'Our app',
      client_id: 'client_123',
      client_secret: 'secret_123',
    },
  })

export const patchOauthApp = z
  .strictObject({
    name: name.optional(),
    client_secret: text(2000).optional(),
    metadata: metadata.nullable().optional().describe('Replaced as a whole; null: empty.'),
  })
  .meta({ id: 'PatchOauthApp', example: { name: 'Our app' } })

export const oauthAppQuery = z.strictObject({
  ...listQuery,
  provider: provider.optional(),
  name: z.string().max(200).optional(),
  metadata: metadataFilter.optional(),
})

export const oauthApp = z
  .object({
    id,
    provider: z.string(),
    name: z.string(),
    client_id: z.string(),
    client_secret: z.string().describe('Masked.'),
    metadata: z.record(z.string(), z.unknown()),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'OauthApp' })

export const oauthAppList = listOf(oauthApp, 'OauthAppList')
