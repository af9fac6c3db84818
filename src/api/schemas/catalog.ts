import { z } from 'zod'
import { listOf } from './values.ts'

/** What can be synced: providers, and the collections of a credential. */
export const collection = z
  .object({
    id: z.string().describe('`provider:name`.'),
    upstream_id: z.string(),
    name: z.string().describe('For people.'),
    links: z.array(z.string()),
    fields: z.array(
      z.object({
        id: z.string().describe('Stable and unique: `provider:collection:field`.'),
        name: z.string(),
        accessor: z.string().describe('The key in `data`.'),
        type: z.enum(['text', 'number', 'boolean', 'timestamp', 'json']),
        primary_key: z.boolean(),
        metadata: z.record(z.string(), z.unknown()),
      }),
    ),
    capabilities: z.object({
      backfill: z
        .enum(['ranges', 'whole'])
        .describe(
          '`ranges`: cut into ranges of creation time that are read side by side; `whole`: from its newest to its oldest.',
        ),
      changes: z
        .enum(['feed', 'relist', 'comparison'])
        .describe(
          '`feed`: the provider tells; `relist`: listed again and again; `comparison`: seen when all of it is compared.',
        ),
      relist_every: z
        .number()
        .nullable()
        .describe('Seconds between two listings of what is young, or of a short list as a whole.'),
      compare_every: z.number().describe('Seconds between two comparisons with all of it.'),
      deletes: z
        .array(z.enum(['event', 'gone', 'archive', 'sweep']))
        .describe('What makes a record deleted. Empty: a delete cannot be seen.'),
    }),
    access: z.object({
      status: z
        .enum(['readable', 'not_permitted', 'not_enabled', 'unknown'])
        .describe(
          '`not_permitted`: the credential lacks a right; `not_enabled`: the account does not have it, and nothing is wrong; `unknown`: the provider could not be asked just now.',
        ),
      reason: z.string().nullable().describe('Why it is not readable, and what to do.'),
    }),
  })
  .meta({ id: 'Collection' })

export const collectionList = listOf(collection, 'CollectionList')

export const collectionQuery = z.strictObject({
  include: z.string().max(200).optional().describe('Accepted for older clients; changes nothing.'),
})

const providerAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    collection_ids: z.array(z.string()),
    webhooks: z.boolean().describe('Webhooks of this provider make changes arrive sooner.'),
    credential_kinds: z.array(
      z.object({
        kind: z.string(),
        name: z.string(),
        schema: z.record(z.string(), z.unknown()).describe('JSON Schema of `properties`.'),
        secrets: z.array(z.string()).describe('Properties that are sealed, and masked in answers.'),
      }),
    ),
    rate_limits: z.array(
      z.object({
        bucket: z.string().nullable().describe('Null: counts every call.'),
        allowed_requests: z.number().int(),
        interval: z.number().describe('Seconds.'),
        max_concurrent_requests: z.number().int().describe('0: no cap.'),
        livemode: z.boolean().nullable().describe('Only in this mode; null: in both.'),
      }),
    ),
  })
  .meta({ id: 'Provider' })

export const providerList = listOf(providerAnswer, 'ProviderList')
