import { z } from 'zod'
import {
  health,
  healthStatuses,
  id,
  idIn,
  listOf,
  listQuery,
  metadata,
  metadataFilter,
  name,
  provider,
  time,
} from './values.ts'

const properties = z
  .record(z.string(), z.unknown())
  .describe(
    'By kind, see `GET /v1/providers`; `kind` may stand in here. `base_url`: another host, where the operator allows it.',
  )

/** Loose: in the flat form the properties stand beside `kind`. The kind's own schema checks them. */
export const createCredential = z
  .looseObject({
    name: name.nullish(),
    provider: provider.optional(),
    kind: z.string().max(100).optional().describe('A credential kind of `GET /v1/providers`.'),
    properties: properties.optional(),
    oauth_app_id: idIn.nullish(),
    metadata: metadata.optional(),
  })
  .describe('The properties stand under `properties`, or flat beside `kind`.')
  .meta({
    id: 'CreateCredential',
    example: { name: 'Acme', properties: { kind: 'crm_key', secret: 'secret_123' } },
  })

export type CreateCredential = z.output<typeof createCredential>

export const patchCredential = z
  .strictObject({
    name: name.nullable().optional(),
    metadata: metadata.nullable().optional().describe('Replaced as a whole; null: empty.'),
    properties: properties.optional().describe('New properties as a whole, of the same account.'),
    oauth_app_id: idIn.nullable().optional(),
  })
  .meta({ id: 'PatchCredential', example: { metadata: { plan: 'pro' } } })

export const credentialQuery = z.strictObject({
  ...listQuery,
  provider: provider.optional(),
  kind: z.string().max(100).optional(),
  name: z.string().max(200).optional(),
  metadata: metadataFilter.optional(),
  'health.status': z.enum(healthStatuses).optional(),
})

export const credential = z
  .object({
    id,
    name: z.string().nullable(),
    provider: z.string(),
    kind: z.string(),
    account: z.string().describe('The upstream account.'),
    livemode: z.boolean(),
    properties: z.record(z.string(), z.unknown()).describe('Secrets are masked.'),
    oauth_app_id: id.nullable(),
    health,
    metadata: z.record(z.string(), z.unknown()),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Credential' })

export const credentialList = listOf(credential, 'CredentialList')

export const createWebhookEndpoint = z
  .strictObject({
    secret: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe('The signing secret that the provider shows for this endpoint.'),
  })
  .meta({ id: 'CreateWebhookEndpoint', example: { secret: 'signing_secret_123' } })

export const webhookEndpoint = z
  .object({
    credential_id: id,
    provider: z.string(),
    url: z
      .string()
      .describe(
        'Its last part is a secret. Without SLUICE_PUBLIC_URL only the path: the address of this server stands in front.',
      ),
    registered: z.boolean().describe('True: registered at the provider by us.'),
    ready: z.boolean().describe('True: its signing secret is known, so what comes is believed.'),
    instructions: z.string().nullable().describe('What is left to be done by hand; null: nothing.'),
    created_at: time,
  })
  .meta({ id: 'WebhookEndpoint' })

export const webhookAnswer = z
  .object({ accepted: z.number().int().describe('Records that will be looked at.') })
  .meta({ id: 'WebhookAccepted' })
