import { withAppErrors } from '../db/errors.ts'
import type { Query, Sql } from '../db/pools.ts'
import { notACursor, readRowCursor, rowCursor } from '../domain/cursor.ts'
import { AppError } from '../domain/error.ts'
import { sourceFilter } from './filters.ts'
import type { Filters } from './filters.ts'
import { isoTime } from './recordJson.ts'
import { startOf } from './start.ts'
import type { DeliverPolicy } from './start.ts'

export type ConsumerSettings = {
  name: string | null
  filters: Filters
  deliverPolicy: DeliverPolicy
  ackWaitMs: number
  /** -1: for ever. */
  maxDeliver: number
  maxAckPending: number
  maxWaiting: number
  /** `sync`: a backlog of one sync holds back no other's changes. `none`: strictly in the order of the stream. */
  fairness: 'none' | 'sync'
  metadata: Record<string, unknown>
}

export type Consumer = ConsumerSettings & {
  id: string
  streamId: string
  consumerNo: number
  streamNo: number
  /** Of the row, for If-Match. */
  version: string
  createdAt: Date
  updatedAt: Date
}

/** For the write pool: what is created here must survive a crash. `id` makes a repeated create the same one. */
export async function createConsumer(
  sql: Sql,
  tenantId: string,
  input: ConsumerSettings & { id: string; streamId: string },
): Promise<Consumer> {
  await withAppErrors(() =>
    sql.begin(async (tx) => {
      // locked: the stream is not deleted meanwhile, without having counted this consumer
      const [stream] = await tx<{ streamNo: number }[]>`
        select stream_no as "streamNo" from streams where tenant_id = ${tenantId} and id = ${input.streamId} for key share`
      if (stream === undefined) throw notFound('stream')
      const { streamNo } = stream
      const filter = sourceFilter(input.filters)
      const [made] = await tx<{ consumer_no: number }[]>`
        insert into consumer (id, tenant_id, stream_no, name, filters, filter, deliver_policy, ack_wait_ms, max_deliver,
                              max_ack_pending, max_waiting, fairness, metadata)
        values (${input.id}, ${tenantId}, ${streamNo}, ${input.name}, ${JSON.stringify(input.filters)}::jsonb,
                ${filter === null ? null : JSON.stringify(filter)}::jsonb, ${JSON.stringify(input.deliverPolicy)}::jsonb,
                ${input.ackWaitMs}, ${input.maxDeliver}, ${input.maxAckPending}, ${input.maxWaiting}, ${input.fairness},
                ${JSON.stringify(input.metadata)}::jsonb)
        on conflict (id) do nothing
        returning consumer_no`
      if (made === undefined) return
      const cursor = await startOf(tx, { streamNo, filter, policy: input.deliverPolicy })
      await tx`insert into consumer_state (consumer_no, op, cursor_idx) values (${made.consumer_no}, 0, ${cursor})`
    }),
  )
  return await getConsumer(sql, tenantId, input.id)
}

/** Throws AppError `not_found`. */
export async function getConsumer(
  sql: Query,
  tenantId: string,
  consumerId: string,
): Promise<Consumer> {
  const [row] = isUuid(consumerId)
    ? await withAppErrors(
        () => sql<Row[]>`${columns(sql)} where c.tenant_id = ${tenantId} and c.id = ${consumerId}`,
      )
    : []
  if (row === undefined) throw notFound('consumer')
  return fromRow(row)
}

/** Newest first. `cursor`: `nextCursor` of the page before. */
export async function listConsumers(
  sql: Query,
  tenantId: string,
  filter: {
    streamId: string | null
    name: string | null
    metadata: Record<string, unknown> | null
  },
  options: { limit: number; cursor: string | null },
): Promise<{ rows: Consumer[]; nextCursor: string | null }> {
  const after = options.cursor === null ? null : positionOf(options.cursor)
  const rows = await withAppErrors(
    () => sql<Row[]>`
      ${columns(sql)}
       where c.tenant_id = ${tenantId}
         and (${filter.streamId}::uuid is null or s.id = ${filter.streamId})
         and (${filter.name}::text is null or c.name = ${filter.name})
         and (${filter.metadata === null ? null : JSON.stringify(filter.metadata)}::jsonb is null
              or c.metadata @> ${JSON.stringify(filter.metadata ?? {})}::jsonb)
         and (${after === null}::bool or (c.created_at, c.id) < (timestamptz 'epoch' + ${after?.micros ?? null}::bigint * interval '1 microsecond', ${after?.id ?? null}::uuid))
       order by c.created_at desc, c.id desc
       limit ${options.limit + 1}`,
  )
  const kept = rows.slice(0, options.limit)
  const last = kept.at(-1)
  return {
    rows: kept.map(fromRow),
    nextCursor:
      rows.length > options.limit && last !== undefined
        ? rowCursor(last.createdMicros, last.id)
        : null,
  }
}

/**
 * Changed filters count from the cursor on; another deliver policy than before begins there, like `reset`: both or neither.
 * `version`: only where the row is still the one that the caller saw, else `conflict`.
 */
export async function patchConsumer(
  sql: Sql,
  tenantId: string,
  consumerId: string,
  patch: Partial<ConsumerSettings>,
  version: string | null,
): Promise<Consumer> {
  await withAppErrors(() =>
    sql.begin(async (tx) => {
      const before = await holdConsumer(tx, tenantId, consumerId)
      if (version !== null && version !== before.version) throw changedMeanwhile()
      const after = { ...before, ...patch }
      const filter = sourceFilter(after.filters)
      await tx`
        update consumer
           set name = ${after.name}, filters = ${JSON.stringify(after.filters)}::jsonb,
               filter = ${filter === null ? null : JSON.stringify(filter)}::jsonb,
               sources = null, source_rev = -1,
               deliver_policy = ${JSON.stringify(after.deliverPolicy)}::jsonb, ack_wait_ms = ${after.ackWaitMs},
               max_deliver = ${after.maxDeliver}, max_ack_pending = ${after.maxAckPending},
               max_waiting = ${after.maxWaiting}, fairness = ${after.fairness},
               metadata = ${JSON.stringify(after.metadata)}::jsonb, updated_at = clock_timestamp()
         where consumer_no = ${before.consumerNo}`
      if (JSON.stringify(after.deliverPolicy) !== JSON.stringify(before.deliverPolicy))
        await moveToStart(tx, after)
    }),
  )
  return await getConsumer(sql, tenantId, consumerId)
}

/** Begins again, by `policy` or as before (null). What is out is out no more: its tokens are stale. */
export async function resetConsumer(
  sql: Sql,
  tenantId: string,
  consumerId: string,
  policy: DeliverPolicy | null,
): Promise<Consumer> {
  await withAppErrors(() =>
    sql.begin(async (tx) => {
      const before = await holdConsumer(tx, tenantId, consumerId)
      const after = { ...before, deliverPolicy: policy ?? before.deliverPolicy }
      await moveToStart(tx, after)
      await tx`
        update consumer
           set deliver_policy = ${JSON.stringify(after.deliverPolicy)}::jsonb, updated_at = clock_timestamp()
         where consumer_no = ${after.consumerNo}
           and deliver_policy <> ${JSON.stringify(after.deliverPolicy)}::jsonb`
    }),
  )
  return await getConsumer(sql, tenantId, consumerId)
}

/**
 * The consumer as it stays until the transaction ends. Its state row is locked first, as by claims (stream_next_v2), which write
 * the row of the consumer after it: the other way round the two would wait for each other.
 */
async function holdConsumer(tx: Query, tenantId: string, consumerId: string): Promise<Consumer> {
  const { consumerNo } = await getConsumer(tx, tenantId, consumerId)
  await tx`select 1 from consumer_state where consumer_no = ${consumerNo} order by op desc limit 1 for update`
  return await getConsumer(tx, tenantId, consumerId)
}

async function moveToStart(tx: Query, consumer: Consumer): Promise<void> {
  const { consumerNo, streamNo, filters, deliverPolicy: policy } = consumer
  const cursor = await startOf(tx, { streamNo, filter: sourceFilter(filters), policy })
  await tx`select stream_reset_v2(${consumerNo}, ${cursor}::bigint)`
}

/** Waiting calls of `next` end with `not_found` within a second. */
export async function deleteConsumer(
  sql: Sql,
  tenantId: string,
  consumerId: string,
): Promise<Consumer> {
  return await withAppErrors(() =>
    sql.begin(async (tx) => {
      const consumer = await holdConsumer(tx, tenantId, consumerId)
      const { consumerNo } = consumer
      await tx`delete from inflight where consumer_no = ${consumerNo}`
      await tx`delete from dead_letter where consumer_no = ${consumerNo}`
      await tx`delete from consumer where consumer_no = ${consumerNo}`
      await tx`delete from consumer_state where consumer_no = ${consumerNo}`
      return consumer
    }),
  )
}

type Row = Omit<Consumer, 'filters' | 'deliverPolicy' | 'metadata' | 'createdAt' | 'updatedAt'> & {
  filters: string
  deliverPolicy: string
  metadata: string
  createdAt: string
  createdMicros: string
  updatedAt: string
}

function columns(sql: Query) {
  return sql`
    select c.id, c.consumer_no as "consumerNo", c.stream_no as "streamNo", s.id as "streamId", c.name, c.filters,
           c.deliver_policy as "deliverPolicy", c.ack_wait_ms as "ackWaitMs", c.max_deliver as "maxDeliver",
           c.max_ack_pending as "maxAckPending", c.max_waiting as "maxWaiting", c.fairness, c.metadata,
           (extract(epoch from c.updated_at) * 1000000)::bigint::text as version,
           c.created_at as "createdAt", c.updated_at as "updatedAt",
           (extract(epoch from c.created_at) * 1000000)::bigint::text as "createdMicros"
      from consumer c
      join streams s on s.stream_no = c.stream_no`
}

function fromRow({ createdMicros: _, ...row }: Row): Consumer {
  return {
    ...row,
    filters: JSON.parse(row.filters) as Filters,
    deliverPolicy: JSON.parse(row.deliverPolicy) as DeliverPolicy,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    createdAt: new Date(isoTime(row.createdAt)!),
    updatedAt: new Date(isoTime(row.updatedAt)!),
  }
}

function positionOf(cursor: string): { micros: string; id: string } {
  const position = readRowCursor(cursor)
  if (position !== null) return position
  throw new AppError('invalid', `The cursor ${notACursor}.`, { fields: { cursor: [notACursor] } })
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

function notFound(noun: string): AppError {
  return new AppError(
    'not_found',
    `There is no ${noun} with this id. Check the id, and that the API key is of the right tenant.`,
  )
}

function changedMeanwhile(): AppError {
  return new AppError(
    'conflict',
    'This consumer has changed since the version in If-Match. Read it again and repeat the change.',
    { code: 'precondition-failed' },
  )
}
