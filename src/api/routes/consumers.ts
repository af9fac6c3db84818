import type { Consumer } from '../../delivery/consumers.ts'
import {
  createConsumer,
  deleteConsumer,
  getConsumer,
  listConsumers,
  patchConsumer,
  resetConsumer,
} from '../../delivery/consumers.ts'
import type { Filters } from '../../delivery/filters.ts'
import type { Route } from '../route.ts'
import { created, deleted, ok, route } from '../route.ts'
import * as schemas from '../schemas/consumers.ts'
import { deletedAnswer } from '../schemas/values.ts'
import { streamIdOrNone, streamOf } from '../stream.ts'
import { toWire } from '../wire.ts'

const tag = 'Consumers'

function shown({ consumerNo: _, streamNo: __, version: ___, ...consumer }: Consumer) {
  return toWire(consumer)
}

export const consumerRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/http-consumers',
    operation: 'createConsumer',
    summary: 'Create a consumer',
    description: 'A place in a stream that the server keeps, for any number of workers.',
    tag,
    right: 'write',
    creates: true,
    body: schemas.createConsumer,
    answers: { 201: { description: 'The new consumer.', schema: schemas.consumer } },
    problems: [],
    async handle({ deps, tenantId, newId, body }) {
      const { id: streamId } = await streamOf(deps, tenantId, body.stream_id ?? 'default')
      const consumer = await createConsumer(deps.write, tenantId, {
        id: newId,
        streamId,
        name: body.name ?? null,
        filters: (body.filters ?? {}) as Filters,
        deliverPolicy: body.deliver_policy,
        ackWaitMs: body.ack_wait_ms,
        maxDeliver: body.max_deliver,
        maxAckPending: body.max_ack_pending,
        maxWaiting: body.max_waiting,
        fairness: body.fairness,
        metadata: body.metadata ?? {},
      })
      return created(shown(consumer), consumer.version)
    },
  }),
  route({
    method: 'GET',
    path: '/v1/http-consumers',
    operation: 'listConsumers',
    summary: 'List consumers',
    tag,
    right: 'read',
    query: schemas.consumerQuery,
    answers: { 200: { description: 'Consumers, newest first.', schema: schemas.consumerList } },
    problems: [],
    async handle({ deps, tenantId, query }) {
      const streamId =
        query.stream_id === undefined ? null : await streamIdOrNone(deps, tenantId, query.stream_id)
      const filter = { streamId, name: query.name ?? null, metadata: query.metadata ?? null }
      const page = await listConsumers(deps.write, tenantId, filter, {
        limit: query.limit,
        cursor: query.cursor ?? null,
      })
      return ok({ data: page.rows.map(shown), next_cursor: page.nextCursor })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/http-consumers/{id}',
    operation: 'getConsumer',
    summary: 'Get a consumer',
    tag,
    right: 'consume',
    answers: { 200: { description: 'The consumer.', schema: schemas.consumer } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      const consumer = await getConsumer(deps.write, tenantId, params.id)
      return ok(shown(consumer), consumer.version)
    },
  }),
  route({
    method: 'PATCH',
    path: '/v1/http-consumers/{id}',
    operation: 'patchConsumer',
    summary: 'Change a consumer',
    description: 'What is left out stays, null clears. Changed filters apply from the cursor on.',
    tag,
    right: 'write',
    versioned: true,
    body: schemas.patchConsumer,
    answers: { 200: { description: 'The consumer as it is now.', schema: schemas.consumer } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body, ifMatch }) {
      const consumer = await patchConsumer(deps.write, tenantId, params.id, patchOf(body), ifMatch)
      deps.dispatcher.changed(tenantId, consumer)
      return ok(shown(consumer), consumer.version)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/http-consumers/{id}',
    operation: 'deleteConsumer',
    summary: 'Delete a consumer',
    tag,
    right: 'write',
    answers: {
      200: { description: 'It is gone, with what was in flight.', schema: deletedAnswer },
    },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      deps.dispatcher.changed(tenantId, await deleteConsumer(deps.write, tenantId, params.id))
      return deleted(params.id)
    },
  }),
  route({
    method: 'POST',
    path: '/v1/http-consumers/{id}/reset',
    operation: 'resetConsumer',
    summary: 'Begin again',
    description:
      'By the deliver policy, or another one from now on. What is out is out no more: its ack tokens change nothing.',
    tag,
    right: 'write',
    body: schemas.resetBody,
    bodyOptional: true,
    answers: { 200: { description: 'The consumer as it is now.', schema: schemas.consumer } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body }) {
      const consumer = await resetConsumer(
        deps.write,
        tenantId,
        params.id,
        body.deliver_policy ?? null,
      )
      deps.dispatcher.changed(tenantId, consumer)
      return ok(shown(consumer), consumer.version)
    },
  }),
]

function patchOf(body: ReturnType<typeof schemas.patchConsumer.parse>) {
  const {
    name,
    filters,
    deliver_policy: policy,
    ack_wait_ms: ackWaitMs,
    max_deliver: maxDeliver,
    max_ack_pending: maxAckPending,
    max_waiting: maxWaiting,
    fairness,
    metadata,
  } = body
  return {
    ...(name === undefined ? {} : { name }),
    ...(filters === undefined ? {} : { filters: (filters ?? {}) as Filters }),
    ...(policy === undefined ? {} : { deliverPolicy: policy }),
    ...(ackWaitMs === undefined ? {} : { ackWaitMs }),
    ...(maxDeliver === undefined ? {} : { maxDeliver }),
    ...(maxAckPending === undefined ? {} : { maxAckPending }),
    ...(maxWaiting === undefined ? {} : { maxWaiting }),
    ...(fairness === undefined ? {} : { fairness }),
    ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
  }
}
