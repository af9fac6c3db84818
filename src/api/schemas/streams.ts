import { z } from 'zod'
import { id, listOf, listQuery, time } from './values.ts'

const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, {
    error: 'must be 1 to 63 of a-z, 0-9, `_` and `-`, and begin with a letter or digit',
  })
  .describe('Unique within the tenant.')

export const createStream = z
  .strictObject({ slug })
  .meta({ id: 'CreateStream', example: { slug: 'customers' } })

export const patchStream = z
  .strictObject({ slug: slug.optional() })
  .meta({ id: 'PatchStream', example: { slug: 'customer-data' } })

export const streamQuery = z.strictObject({ ...listQuery, slug: z.string().max(100).optional() })

export const stream = z
  .object({
    id,
    slug: z.string(),
    counts: z.object({
      records: z.number().int().describe('Exact to 100,000, then stays there.'),
      deleted: z.number().int().describe('Tombstones; exact to 100,000, then stays there.'),
      syncs: z.number().int(),
      consumers: z.number().int(),
    }),
    last_idx: z.number().int().describe('`updated_idx` of the newest change.'),
    created_at: time,
    updated_at: time,
  })
  .meta({
    id: 'Stream',
    example: {
      id: '5f1d7e84-5a3f-4c57-9d3b-0d3b7f0e8a11',
      slug: 'customers',
      counts: { records: 20000, deleted: 12, syncs: 1, consumers: 2 },
      last_idx: 20311,
      created_at: '2026-01-15T09:30:00.000Z',
      updated_at: '2026-01-15T09:30:00.000Z',
    },
  })

export const streamDetail = stream
  .extend({
    oldest_at: time.nullable().describe('When the oldest version that is there came in.'),
    newest_at: time.nullable().describe('When the newest version came in.'),
    collections: z
      .array(
        z.object({
          sync_id: id,
          collection_id: z.string(),
          records: z.number().int(),
          deleted: z.number().int().describe('Tombstones.'),
        }),
      )
      .describe('Exact, and at most as old as 20 times what counting took (1 s at ten million).'),
  })
  .meta({ id: 'StreamDetail' })

export const streamList = listOf(stream, 'StreamList')
