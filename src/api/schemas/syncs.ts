import { z } from 'zod'
import { createCredential, credential } from './credentials.ts'
import {
  cursorOf,
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
  rateLimit,
  streamRef,
  syncFrequency,
  text,
  time,
} from './values.ts'

const collectionIds = z
  .array(text(200))
  .min(1)
  .max(200)
  .describe('Collections of the provider, see `GET /v1/providers`.')

const maxAgeDays = z
  .number()
  .int()
  .min(1)
  .max(36_500)
  .nullable()
  .describe('Only objects of these last days are backfilled; null: all.')

const externalId = text(500)
  .nullable()
  .describe('Yours, for example the id of your customer. Stands on every record.')

export const createSync = z
  .strictObject({
    provider: provider.optional().describe('May be left out: the credential tells.'),
    stream_id: streamRef.optional().describe('Id or slug of a stream; left out: `default`.'),
    name: name.nullish(),
    collection_ids: collectionIds,
    credential_id: idIn.optional(),
    credential: createCredential.optional().describe('Instead of `credential_id`: imported first.'),
    rate_limit: rateLimit.nullish(),
    max_age_days: maxAgeDays.optional(),
    sync_frequency: syncFrequency.default('continuous'),
    metadata: metadata.optional(),
    external_id: externalId.optional(),
  })
  .meta({
    id: 'CreateSync',
    example: {
      provider: 'crm',
      stream_id: 'default',
      name: 'Acme',
      collection_ids: ['crm:customer', 'crm:invoice'],
      credential: { properties: { kind: 'crm_key', secret: 'secret_123' } },
      external_id: 'customer_42',
      metadata: { plan: 'pro' },
    },
  })

const fixed = (what: string) =>
  z
    .never({ error: `cannot change after creation; create another sync for another ${what}` })
    .optional()

export const patchSync = z
  .strictObject({
    name: name.nullable().optional(),
    status: z
      .enum(['active', 'paused', 'disabled'])
      .optional()
      .describe('`disabled` is another word for `paused`.'),
    collection_ids: collectionIds.optional(),
    rate_limit: rateLimit.nullable().optional(),
    max_age_days: maxAgeDays.optional(),
    sync_frequency: syncFrequency.optional(),
    metadata: metadata.nullable().optional().describe('Replaced as a whole; null: empty.'),
    external_id: externalId.optional(),
    provider: fixed('provider'),
    stream_id: fixed('stream'),
    credential_id: fixed('credential'),
    credential: fixed('credential'),
  })
  .meta({ id: 'PatchSync', example: { sync_frequency: '15m' } })

export const syncQuery = z.strictObject({
  ...listQuery,
  provider: provider.optional(),
  stream_id: streamRef.optional(),
  credential_id: z.string().max(100).optional(),
  name: z.string().max(200).optional(),
  external_id: z.string().max(500).optional(),
  status: z.enum(['active', 'paused']).optional(),
  'health.status': z.enum(healthStatuses).optional(),
  metadata: metadataFilter.optional(),
})

const syncCollection = z
  .object({
    collection_id: z.string(),
    phase: z.enum(['waiting', 'backfilling', 'live', 'blocked', 'paused']),
    records_seen: z
      .number()
      .int()
      .describe('Looked at: of the last enumeration, and changes since the first.'),
    progress: z.number().nullable().describe('0 to 1, where a total is known.'),
    eta: time.nullable(),
    last_checked_at: time.nullable(),
    lag_seconds: z
      .number()
      .nullable()
      .describe('Since the last look, or since the first known change that waits to be read.'),
    expected_lag_seconds: z
      .number()
      .nullable()
      .describe('It is looked at this often: a smaller lag is as it should be.'),
    last_error: z.string().nullable(),
  })
  .meta({ id: 'SyncCollection' })

export const sync = z
  .object({
    id,
    provider: z.string(),
    stream_id: id,
    name: z.string().nullable(),
    status: z.enum(['active', 'paused']).describe('What was asked.'),
    health: health.describe('What is.'),
    collection_ids: z.array(z.string()),
    collections: z.array(syncCollection),
    rate_limit: z
      .object({
        allowed_requests: z.number().int(),
        interval: z.number(),
        max_concurrent_requests: z.number().int(),
      })
      .nullable()
      .describe('Null: the default of the provider.'),
    credential_id: id,
    credential,
    max_age_days: z.number().int().nullable(),
    sync_frequency: z.string(),
    initial_backfill_completed_at: time.nullable(),
    metadata: z.record(z.string(), z.unknown()),
    external_id: z.string().nullable(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Sync' })

export const syncList = listOf(sync, 'SyncList')

export const deleteSyncQuery = z.strictObject({
  keep_records: z
    .boolean()
    .default(false)
    .describe('Leaves the records as they are, instead of deleting them for every consumer.'),
})

export const resyncBody = z
  .strictObject({ collection_ids: collectionIds.optional().describe('Left out: all.') })
  .meta({ id: 'Resync', example: { collection_ids: ['crm:customer'] } })

export const fuseBody = z
  .strictObject({
    collection_ids: collectionIds
      .optional()
      .describe('Left out: every collection whose deletes are held.'),
  })
  .meta({ id: 'DecideDeletes', example: {} })

export const emptyBody = z.strictObject({}).meta({ id: 'Nothing', example: {} })

const coverage = z
  .object({
    collection_id: z.string(),
    phase: z.string(),
    generation: z.number().int().describe('Whole enumerations begun.'),
    backfilled_at: time.nullable(),
    next_enumeration_at: time.nullable(),
    last_checked_at: time.nullable(),
    statement: z.string().describe('The evidence as a sentence.'),
    evidence: z
      .object({
        at: time.describe('When the last whole enumeration ended.'),
        generation: z.number().int(),
        compared: z.number().int(),
        repaired: z
          .number()
          .int()
          .describe('Different here: changes that nothing had told of. 0 in a first backfill.'),
        tombstoned: z.number().int().describe('Missing there, and gone when asked for by id.'),
        open: z.number().int().describe('Missing there, and not yet asked for by id.'),
        kept: z.number().int().describe('Missing there, and kept because a rejection said so.'),
        held: z.number().int().describe('Missing there, and waiting for approval.'),
      })
      .nullable()
      .describe('Null: no enumeration has ended yet.'),
    quarantined: z
      .number()
      .int()
      .describe('Records that cannot be stored as they are: see the quarantine of the sync.'),
    held_deletes: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('Deletes that wait for approval: how many of how many, with samples.'),
  })
  .meta({ id: 'Coverage' })

export const coverageList = listOf(coverage, 'CoverageList')

const quarantined = z
  .object({
    collection_id: z.string(),
    upstream_id: z.string().describe('Where it has no id that can be stored: a name of ours.'),
    error: z.string().describe('Why it cannot be stored.'),
    raw: z
      .string()
      .nullable()
      .describe(
        'As the provider sent it, JSON or not; of a long one the first 65,536 characters. Null: not known.',
      ),
    raw_bytes: z.number().int().nullable().describe('Its whole length.'),
    since: time.describe('It was first refused.'),
    at: time.describe('It was last refused.'),
  })
  .meta({ id: 'Quarantined' })

export const quarantineList = listOf(quarantined, 'QuarantineList')
export const quarantineQuery = z.strictObject({
  ...listQuery,
  cursor: cursorOf(/^q[A-Za-z0-9_-]{1,2000}$/),
})

export type CreateSync = z.output<typeof createSync>
