import { z } from 'zod'
import {
  freeJson,
  id,
  listOf,
  listQuery,
  metadata,
  metadataFilter,
  name,
  numberCursor,
  streamRef,
  time,
} from './values.ts'

const oneOrMore = z
  .union([z.string().min(1).max(500), z.array(z.string().min(1).max(500)).min(1).max(1000)], {
    error: 'must be a text or a list of texts',
  })
  .describe('A value, or several of which one must fit. `*`: any.')

const filters = z
  .strictObject({
    provider: oneOrMore.optional(),
    sync_id: oneOrMore.optional(),
    collection_id: oneOrMore.optional(),
    external_id: oneOrMore.optional(),
    metadata: freeJson.optional().describe('What the `metadata` of the sync must contain.'),
  })
  .describe('All that are given must fit. Changed ones apply from the cursor on.')

const policies =
  'must be `all`, `new`, `last`, a duration such as `1h`, {"from_idx": 1} or {"from_time": "2026-01-31T00:00:00Z"}'

const deliverPolicy = z
  .union(
    [
      z.string().regex(/^(all|new|last|[1-9][0-9]{0,5}[smhd])$/, { error: policies }),
      z.strictObject({ from_idx: z.number().int().min(0) }),
      z.strictObject({ from_time: z.iso.datetime({ offset: true }) }),
    ],
    { error: policies },
  )
  .describe(
    'Where to begin: `all` the whole stream; `new` only what comes from now on; `last` the newest record and what comes; a duration: what changed in it; `from_idx`, `from_time`: from there on.',
  )
  .meta({ id: 'DeliverPolicy' })

const settings = {
  ack_wait_ms: z
    .number()
    .int()
    .min(100)
    .max(43_200_000)
    .describe('So long a record is with one worker; then it is delivered again.'),
  max_deliver: z
    .number()
    .int()
    .min(-1)
    .max(1_000_000)
    .refine((count) => count !== 0, { message: 'must be -1 (no cap) or at least 1' })
    .meta({ not: { const: 0 } })
    .describe('Past it a record becomes a dead letter. -1: no cap.'),
  max_ack_pending: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .describe('So many records are out at once, at most.'),
  max_waiting: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .describe(
      'So many calls of `next` are waiting or being served at once, at most, in each API process.',
    ),
  fairness: z
    .enum(['none', 'sync'])
    .describe(
      '`sync`: while the consumer is far behind because of one sync, changes of the others pass its backlog. `none`: all in the order of the stream. The versions of a record come in order either way.',
    ),
}

export const createConsumer = z
  .strictObject({
    stream_id: streamRef.optional().describe('Id or slug of a stream; left out: `default`.'),
    name: name.nullish(),
    filters: filters.nullish(),
    deliver_policy: deliverPolicy.default('all'),
    ack_wait_ms: settings.ack_wait_ms.default(30_000),
    max_deliver: settings.max_deliver.default(-1),
    max_ack_pending: settings.max_ack_pending.default(1000),
    max_waiting: settings.max_waiting.default(20),
    fairness: settings.fairness.default('sync'),
    metadata: metadata.optional(),
  })
  .meta({
    id: 'CreateConsumer',
    example: {
      stream_id: 'default',
      name: 'warehouse',
      filters: { collection_id: ['crm:customer', 'crm:invoice'] },
    },
  })

export const patchConsumer = z
  .strictObject({
    name: name.nullable().optional(),
    filters: filters.nullable().optional(),
    deliver_policy: deliverPolicy
      .optional()
      .describe('Another policy than before begins there again, like `reset`.'),
    ack_wait_ms: settings.ack_wait_ms.optional(),
    max_deliver: settings.max_deliver.optional(),
    max_ack_pending: settings.max_ack_pending.optional(),
    max_waiting: settings.max_waiting.optional(),
    fairness: settings.fairness.optional(),
    metadata: metadata.nullable().optional().describe('Replaced as a whole; null: empty.'),
    stream_id: z
      .never({ error: 'cannot change after creation; create another consumer for another stream' })
      .optional(),
  })
  .meta({ id: 'PatchConsumer', example: { ack_wait_ms: 60_000 } })

export const consumerQuery = z.strictObject({
  ...listQuery,
  stream_id: streamRef.optional(),
  name: z.string().max(200).optional(),
  metadata: metadataFilter.optional(),
})

const info = z
  .object({
    num_pending: z
      .number()
      .int()
      .describe('Records still to come; exact to 10,000, then stays there.'),
    num_ack_pending: z.number().int().describe('Records that are out.'),
  })
  .meta({ id: 'ConsumerInfo' })

export const consumer = z
  .object({
    id,
    stream_id: id,
    name: z.string().nullable(),
    filters: z.record(z.string(), z.unknown()),
    deliver_policy: deliverPolicy,
    ack_wait_ms: z.number().int(),
    max_deliver: z.number().int(),
    max_ack_pending: z.number().int(),
    max_waiting: z.number().int(),
    fairness: z.enum(['none', 'sync']),
    metadata: z.record(z.string(), z.unknown()),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Consumer' })

export const consumerList = listOf(consumer, 'ConsumerList')

export const resetBody = z
  .strictObject({ deliver_policy: deliverPolicy.optional().describe('Left out: as before.') })
  .meta({ id: 'Reset', example: { deliver_policy: 'all' } })

const next = {
  batch_size: z.number().int().min(1).max(1000).default(1).describe('So many records at most.'),
  wait_for: z
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe('Milliseconds to wait for the first record where there is none.'),
}
const tokens = z.array(z.string().min(1).max(200)).max(10_000)
const ackTokens = tokens.min(1).describe('Of `next`. Unknown and replaced ones change nothing.')

export const nextQuery = z.strictObject(next)
/** What it names wins over the query. */
export const nextBody = z
  .strictObject({
    batch_size: next.batch_size.removeDefault().optional(),
    wait_for: next.wait_for.removeDefault().optional(),
    ack_tokens: tokens
      .optional()
      .describe('Acknowledged first, as by `ack`: one call a batch instead of two.'),
  })
  .meta({ id: 'Next', example: { batch_size: 100, wait_for: 5000 } })

export const record = z
  .object({
    id: id.describe('Stable for the life of the record: the primary key downstream.'),
    stream_id: id,
    sync_id: id,
    sync: z.object({
      id,
      external_id: z.string().nullable(),
      metadata: z.record(z.string(), z.unknown()),
    }),
    provider: z.string(),
    collection_id: z.string(),
    upstream_id: z.string(),
    upstream_created_at: time.nullable(),
    upstream_updated_at: time.nullable(),
    data: z.unknown().describe('The JSON of the provider as it was sent.'),
    deleted: z.boolean(),
    updated_idx: z
      .number()
      .int()
      .describe(
        'Larger at each change: the order of the stream. Refuse versions older than yours by it.',
      ),
    inserted_at: time.describe('When this version entered the stream.'),
  })
  .meta({ id: 'Record' })

export const nextAnswer = z
  .object({ data: z.array(z.object({ ack_token: z.string(), record })), info })
  .meta({ id: 'Delivery' })

export const ackBody = z
  .strictObject({ ack_tokens: ackTokens })
  .meta({ id: 'Ack', example: { ack_tokens: ['token_123'] } })

export const nackBody = z
  .strictObject({
    ack_tokens: ackTokens,
    delay_ms: z
      .number()
      .int()
      .min(0)
      .max(86_400_000)
      .optional()
      .describe('Not before; left out: at once, then ever more slowly.'),
  })
  .meta({ id: 'Nack', example: { ack_tokens: ['token_123'], delay_ms: 5000 } })

export const extendBody = z
  .strictObject({
    ack_tokens: ackTokens,
    ack_wait_ms: z
      .number()
      .int()
      .min(100)
      .max(43_200_000)
      .optional()
      .describe('From now on; left out: that of the consumer.'),
  })
  .meta({ id: 'Extend', example: { ack_tokens: ['token_123'] } })

const deadLetter = z
  .object({ record, deliver_count: z.number().int(), died_at: time })
  .meta({ id: 'DeadLetter' })

export const deadLetterList = listOf(deadLetter, 'DeadLetterList')
export const deadLetterQuery = z.strictObject({ ...listQuery, cursor: numberCursor })

export const deadLetterChoice = z
  .strictObject({
    record_ids: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(1000)
      .optional()
      .describe('Left out: all.'),
  })
  .meta({ id: 'DeadLetterChoice', example: {} })

export const redeliverAnswer = z
  .object({ redelivered: z.number().int() })
  .meta({ id: 'Redelivered' })

export const dropAnswer = z.object({ dropped: z.number().int() }).meta({ id: 'Dropped' })

export const recordList = z
  .object({
    data: z.array(record),
    next_cursor: z
      .string()
      .nullable()
      .describe('What follows the last record. Null: nothing came; keep the cursor that you have.'),
  })
  .meta({ id: 'RecordList' })

export const recordQuery = z.strictObject({
  stream_id: streamRef.optional().describe('Id or slug; left out: `default`.'),
  sync_id: z.string().max(100).optional(),
  provider: z.string().max(100).optional(),
  collection_id: z.string().max(200).optional(),
  upstream_id: z.string().max(1000).optional(),
  after_cursor: numberCursor,
  cursor: numberCursor.describe('The same as `after_cursor`, which goes before.'),
  limit: z.number().int().min(1).max(200).default(50),
})
