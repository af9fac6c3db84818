import type { Filters } from '../../delivery/filters.ts'
import { getRecord, listRecords } from '../../delivery/records.ts'
import { findStream } from '../../store/streams.ts'
import type { Route } from '../route.ts'
import { route } from '../route.ts'
import * as schemas from '../schemas/consumers.ts'

const tag = 'Records'

export const recordRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/records',
    operation: 'listRecords',
    summary: 'Read records without a consumer',
    description:
      'In the order of the stream. You keep the cursor: what changes comes again, after it.',
    tag,
    right: 'read',
    query: schemas.recordQuery,
    answers: { 200: { description: 'Records, oldest change first.', schema: schemas.recordList } },
    problems: ['not-found'],
    async handle({ deps, tenantId, query }) {
      const stream = await findStream(deps.db, tenantId, query.stream_id ?? 'default')
      const { sync_id, provider, collection_id } = query
      const page = await listRecords(deps.deliver, tenantId, {
        streamId: stream.id,
        filters: given({ sync_id, provider, collection_id }),
        upstreamId: query.upstream_id ?? null,
        after: query.after_cursor ?? query.cursor ?? null,
        limit: query.limit,
      })
      return {
        status: 200,
        text: `{"data":[${page.records.join(',')}],"next_cursor":${JSON.stringify(page.nextCursor)}}`,
      }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/records/{id}',
    operation: 'getRecord',
    summary: 'Get a record',
    tag,
    right: 'read',
    answers: { 200: { description: 'The record.', schema: schemas.record } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      return { status: 200, text: await getRecord(deps.deliver, tenantId, params.id) }
    },
  }),
]

function given(filters: Record<string, string | undefined>): Filters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined))
}
