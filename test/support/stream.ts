import { randomUUID } from 'node:crypto'
import type { Sql } from '../../src/db/pools.ts'
import { createConsumer } from '../../src/delivery/consumers.ts'
import type { Consumer, ConsumerSettings } from '../../src/delivery/consumers.ts'
import type { Observation, PageWrite } from '../../src/stream/write.ts'

export type TestStream = { tenantId: string; streamId: string; streamNo: number }

/** A tenant with one stream. */
export async function makeStream(sql: Sql): Promise<TestStream> {
  const [tenant] = await sql<
    { id: string }[]
  >`insert into tenants (name) values (${randomUUID()}) returning id`
  const [made] = await sql<
    { stream_no: number }[]
  >`insert into stream default values returning stream_no`
  await sql`insert into stream_head (stream_no, last_idx) values (${made!.stream_no}, 0)`
  const [row] = await sql<{ id: string }[]>`
    insert into streams (tenant_id, stream_no, slug) values (${tenant!.id}, ${made!.stream_no}, 'main') returning id`
  return { tenantId: tenant!.id, streamId: row!.id, streamNo: made!.stream_no }
}

export type TestSource = {
  sourceNo: number
  streamNo: number
  syncId: string
  collectionId: string
}

export async function makeSource(
  sql: Sql,
  { streamNo }: { streamNo: number },
  fields: {
    syncId?: string
    collectionId?: string
    externalId?: string | null
    metadata?: Record<string, unknown>
  } = {},
): Promise<TestSource> {
  const syncId = fields.syncId ?? randomUUID()
  const collectionId = fields.collectionId ?? 'acme:thing'
  const [row] = await sql<{ source_no: number }[]>`
    insert into source (stream_no, sync_id, collection_id, provider, external_id, metadata)
    values (${streamNo}, ${syncId}, ${collectionId}, ${collectionId.split(':')[0]!}, ${fields.externalId ?? null},
            ${JSON.stringify(fields.metadata ?? {})}::jsonb)
    returning source_no`
  return { sourceNo: row!.source_no, streamNo, syncId, collectionId }
}

/** An observation at a second of a past day, so that `at: 5` is later than `at: 4` and none lies ahead of the clock. */
export function observe(
  { sourceNo }: { sourceNo: number },
  id: string,
  fields: Partial<Omit<Observation, 'observedAt'>> & { at?: number; value?: unknown } = {},
): Observation {
  const { at = 0, value, ...rest } = fields
  return {
    sourceNo,
    id,
    raw:
      rest.deleted === true || rest.erased === true
        ? null
        : JSON.stringify({ id, value: value ?? 0 }),
    deleted: false,
    erased: false,
    observedAt: new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString(),
    version: null,
    createdUs: null,
    updatedUs: null,
    volatile: [],
    ...rest,
  }
}

/** A page of the change path without a fence, unless told otherwise. */
export function pageOf(
  { streamNo }: { streamNo: number },
  observations: Observation[],
  fields: Partial<PageWrite> = {},
): PageWrite {
  return {
    streamNo,
    observations,
    path: 'change',
    fence: null,
    hints: [],
    looked: [],
    seen: null,
    ...fields,
  }
}

export type StoredRecord = {
  id: string
  idx: number
  no: number
  deleted: boolean
  data: string
  hash: string
  version: string | null
  observedAt: string
  changedAt: string
}

/** All records of a stream in its order. */
export async function recordsOf(
  sql: Sql,
  { streamNo }: { streamNo: number },
): Promise<StoredRecord[]> {
  return await sql<StoredRecord[]>`
    select upstream_id as id, updated_idx::float8 as idx, record_no::float8 as no, deleted, data, hash, version,
           to_char(observed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "observedAt",
           to_char(changed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "changedAt"
      from record
     where stream_no = ${streamNo}
     order by updated_idx`
}

/** A consumer with the defaults of the API, unless told otherwise. */
export async function makeConsumer(
  sql: Sql,
  { tenantId, streamId }: TestStream,
  settings: Partial<ConsumerSettings> = {},
): Promise<Consumer> {
  return await createConsumer(sql, tenantId, {
    id: randomUUID(),
    streamId,
    name: null,
    filters: {},
    deliverPolicy: 'all',
    ackWaitMs: 30_000,
    maxDeliver: -1,
    maxAckPending: 1000,
    maxWaiting: 20,
    fairness: 'sync',
    metadata: {},
    ...settings,
  })
}

/** How far a consumer is, and how many records wait for redelivery. */
export async function stateOf(
  sql: Sql,
  consumerNo: number,
): Promise<{ cursorIdx: number; waiting: number }> {
  const [row] = await sql<{ cursorIdx: number; waiting: number }[]>`
    select cursor_idx::float8 as "cursorIdx", waiting
      from consumer_state
     where consumer_no = ${consumerNo}
     order by op desc
     limit 1`
  return row!
}
