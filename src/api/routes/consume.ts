import { getConsumer } from '../../delivery/consumers.ts'
import {
  dropDeadLetters,
  listDeadLetters,
  redeliverDeadLetters,
} from '../../delivery/deadLetters.ts'
import type { Answer, Call, Route } from '../route.ts'
import { noContent, ok, route } from '../route.ts'
import * as schemas from '../schemas/consumers.ts'

const tag = 'Consuming'
const right = 'consume'
/** The longest wait, and time to answer. */
const nextTimeoutMs = 75_000

type ById = Pick<Call, 'deps' | 'tenantId' | 'deadline' | 'stillAllowed'> & {
  params: { id: string }
}

/** The records' own text goes into the answer: it is never parsed here. */
async function next(
  { deps, tenantId, params, deadline, stillAllowed }: ById,
  wanted: { batch_size: number; wait_for: number; ack_tokens?: string[] | undefined },
): Promise<Answer> {
  const { dispatcher } = deps
  const consumer = await dispatcher.find(tenantId, params.id)
  // first: what is out counts against max_ack_pending, and holds back newer versions
  const { ack_tokens: tokens = [] } = wanted
  const stale = tokens.length === 0 ? 0 : (await dispatcher.ack(consumer, tokens)).stale
  const { items, info } = await dispatcher.next({
    consumer,
    batchSize: wanted.batch_size,
    waitMs: wanted.wait_for,
    signal: deadline,
  })
  if (items.length > 0) {
    const handBack = async () =>
      await dispatcher.release(
        consumer,
        items.map((item) => item.ackToken),
      )
    if (deadline.aborted) {
      await handBack()
      return noContent
    }
    if (wanted.wait_for > 0) {
      await stillAllowed().catch(async (error: unknown) => {
        await handBack()
        throw error
      })
    }
  }
  // added up, not joined: the whole is copied once, when it is sent
  let text = '{"data":['
  for (const [at, { ackToken, recordJson }] of items.entries())
    text += `${at === 0 ? '' : ','}{"ack_token":"${ackToken}","record":${recordJson}}`
  const counts = JSON.stringify({
    num_pending: info.numPending,
    num_ack_pending: info.numAckPending,
  })
  return { status: 200, text: `${text}],"info":${counts}}`, headers: staleHeader(stale) }
}

const staleTokens = {
  'Sluice-Stale-Tokens': {
    description:
      'How many tokens changed nothing: unknown, used before, or delivered again meanwhile. Left out where none.',
    schema: { type: 'integer' },
  },
} as const

function staleHeader(stale: number): Record<string, string> {
  return stale === 0 ? {} : { 'Sluice-Stale-Tokens': `${stale}` }
}

const nextTexts = {
  summary: 'Take the next records',
  description:
    'Each is with this caller alone until `ack_wait_ms` is over, or it is acked or nacked. Process first, ack after.',
  tag,
  right,
  timeoutMs: nextTimeoutMs,
  hot: true,
  answers: {
    200: {
      description: 'Records in the order of the stream, none where there is none.',
      schema: schemas.nextAnswer,
      headers: staleTokens,
    },
  },
  problems: ['not-found', 'rate-limited'],
} as const

const settled = { 204: { description: 'Done.', headers: staleTokens } } as const

function settledAnswer({ stale }: { stale: number }): Answer {
  return { status: 204, headers: staleHeader(stale) }
}

export const consumeRoutes: Route[] = [
  route({
    ...nextTexts,
    method: 'GET',
    path: '/v1/http-consumers/{id}/next',
    operation: 'getNext',
    takes: true,
    problems: [...nextTexts.problems],
    query: schemas.nextQuery,
    handle: (call) => next(call, call.query),
  }),
  route({
    ...nextTexts,
    method: 'POST',
    path: '/v1/http-consumers/{id}/next',
    operation: 'postNext',
    problems: [...nextTexts.problems],
    query: schemas.nextQuery,
    body: schemas.nextBody,
    bodyOptional: true,
    handle: (call) =>
      next(call, {
        batch_size: call.body.batch_size ?? call.query.batch_size,
        wait_for: call.body.wait_for ?? call.query.wait_for,
        ack_tokens: call.body.ack_tokens,
      }),
  }),
  route({
    method: 'POST',
    path: '/v1/http-consumers/{id}/ack',
    operation: 'ack',
    summary: 'Acknowledge records',
    description: 'These versions never come again. A replaced or unknown token changes nothing.',
    tag,
    right,
    hot: true,
    body: schemas.ackBody,
    answers: settled,
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body }) {
      const consumer = await deps.dispatcher.find(tenantId, params.id)
      return settledAnswer(await deps.dispatcher.ack(consumer, body.ack_tokens))
    },
  }),
  route({
    method: 'POST',
    path: '/v1/http-consumers/{id}/nack',
    operation: 'nack',
    summary: 'Give records back',
    description: 'They come again: at once, or after `delay_ms`.',
    tag,
    right,
    body: schemas.nackBody,
    answers: settled,
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body }) {
      const consumer = await deps.dispatcher.find(tenantId, params.id)
      return settledAnswer(
        await deps.dispatcher.nack(consumer, body.ack_tokens, body.delay_ms ?? null),
      )
    },
  }),
  route({
    method: 'POST',
    path: '/v1/http-consumers/{id}/extend',
    operation: 'extend',
    summary: 'Keep records longer',
    description: 'Their `ack_wait_ms` begins again now.',
    tag,
    right,
    body: schemas.extendBody,
    answers: settled,
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body }) {
      const consumer = await deps.dispatcher.find(tenantId, params.id)
      return settledAnswer(
        await deps.dispatcher.extend(consumer, body.ack_tokens, body.ack_wait_ms ?? null),
      )
    },
  }),
  route({
    method: 'GET',
    path: '/v1/http-consumers/{id}/dead-letters',
    operation: 'listDeadLetters',
    summary: 'List dead letters',
    description: 'Records that were delivered `max_deliver` times without an ack.',
    tag,
    right,
    query: schemas.deadLetterQuery,
    answers: { 200: { description: 'Dead letters.', schema: schemas.deadLetterList } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, query }) {
      const consumer = await getConsumer(deps.write, tenantId, params.id)
      const page = await listDeadLetters(deps.deliver, consumer, {
        limit: query.limit,
        cursor: query.cursor ?? null,
      })
      const data = page.rows.map(
        (row) =>
          `{"record":${row.recordJson},"deliver_count":${row.deliverCount},"died_at":${JSON.stringify(row.diedAt)}}`,
      )
      return {
        status: 200,
        text: `{"data":[${data.join(',')}],"next_cursor":${JSON.stringify(page.nextCursor)}}`,
      }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/http-consumers/{id}/dead-letters/redeliver',
    operation: 'redeliverDeadLetters',
    summary: 'Deliver dead letters again',
    description: 'With a count that begins anew.',
    tag,
    right,
    body: schemas.deadLetterChoice,
    bodyOptional: true,
    answers: { 200: { description: 'They are delivered again.', schema: schemas.redeliverAnswer } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body }) {
      const consumer = await getConsumer(deps.write, tenantId, params.id)
      return ok({
        redelivered: await redeliverDeadLetters(deps.deliver, consumer, body.record_ids ?? null),
      })
    },
  }),
  route({
    method: 'POST',
    path: '/v1/http-consumers/{id}/dead-letters/drop',
    operation: 'dropDeadLetters',
    summary: 'Forget dead letters',
    description: 'They count as acknowledged; a newer version of such a record still comes.',
    tag,
    right,
    body: schemas.deadLetterChoice,
    bodyOptional: true,
    answers: { 200: { description: 'They are forgotten.', schema: schemas.dropAnswer } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, body }) {
      const consumer = await getConsumer(deps.write, tenantId, params.id)
      return ok({ dropped: await dropDeadLetters(deps.deliver, consumer, body.record_ids ?? null) })
    },
  }),
]
