import {
  createStream,
  deleteStream,
  getStream,
  listStreams,
  patchStream,
} from '../../store/streams.ts'
import type { Stream } from '../../store/streams.ts'
import type { Route } from '../route.ts'
import { created, deleted, ok, route } from '../route.ts'
import * as schemas from '../schemas/streams.ts'
import { deletedAnswer } from '../schemas/values.ts'
import { toWire } from '../wire.ts'

const tag = 'Streams'

function shown({ streamNo: _, version: __, ...stream }: Stream) {
  return toWire(stream)
}

export const streamRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/streams',
    operation: 'createStream',
    summary: 'Create a stream',
    description: 'Each tenant has one called `default`, which stays.',
    tag,
    right: 'write',
    creates: true,
    body: schemas.createStream,
    answers: { 201: { description: 'The new stream.', schema: schemas.stream } },
    problems: ['slug-taken'],
    async handle({ deps, tenantId, newId, body }) {
      const stream = await createStream(deps.db, tenantId, { id: newId, slug: body.slug })
      return created(shown(stream), stream.version)
    },
  }),
  route({
    method: 'GET',
    path: '/v1/streams',
    operation: 'listStreams',
    summary: 'List streams',
    tag,
    right: 'read',
    query: schemas.streamQuery,
    answers: { 200: { description: 'Streams, newest first.', schema: schemas.streamList } },
    problems: [],
    async handle({ deps, tenantId, query }) {
      const page = await listStreams(
        deps.db,
        tenantId,
        { slug: query.slug ?? null },
        { limit: query.limit, cursor: query.cursor ?? null },
      )
      return ok({ data: page.rows.map(shown), next_cursor: page.nextCursor })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/streams/{id}',
    operation: 'getStream',
    summary: 'Get a stream',
    description: '`id` is the id or the slug.',
    tag,
    right: 'read',
    answers: { 200: { description: 'The stream.', schema: schemas.streamDetail } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      const stream = await getStream(deps.db, tenantId, params.id)
      const counts = await deps.counter.of(stream.streamNo)
      return ok({ ...shown(stream), ...toWire(counts) }, stream.version)
    },
  }),
  route({
    method: 'PATCH',
    path: '/v1/streams/{id}',
    operation: 'patchStream',
    summary: 'Change the slug of a stream',
    description: 'Refused for `default`.',
    tag,
    right: 'write',
    versioned: true,
    body: schemas.patchStream,
    answers: { 200: { description: 'The stream as it is now.', schema: schemas.stream } },
    problems: ['not-found', 'slug-taken', 'conflict'],
    async handle({ deps, tenantId, params, body, ifMatch }) {
      const patch = body.slug === undefined ? {} : { slug: body.slug }
      const stream = await patchStream(deps.db, tenantId, params.id, patch, ifMatch)
      return ok(shown(stream), stream.version)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/streams/{id}',
    operation: 'deleteStream',
    summary: 'Delete a stream',
    description: 'Refused while it has syncs or consumers, and for `default`.',
    tag,
    right: 'write',
    answers: { 200: { description: 'It is gone.', schema: deletedAnswer } },
    problems: ['not-found', 'in-use', 'conflict'],
    async handle({ deps, tenantId, params }) {
      return deleted(await deleteStream(deps.db, tenantId, params.id))
    },
  }),
]
