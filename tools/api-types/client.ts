/** What a team writes against the generated types: it compiles, or the document has lost something (npm run api-types). */
import type { components, operations, paths } from './generated.ts'

type CreateSync = operations['createSync']['requestBody']['content']['application/json']
type Sync = operations['createSync']['responses'][201]['content']['application/json']
type Problem = components['schemas']['Problem']
type Next = paths['/v1/http-consumers/{id}/next']['post']
type Delivery = Next['responses'][200]['content']['application/json']
type ListQuery = NonNullable<operations['listSyncs']['parameters']['query']>

async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:7100${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (answer.ok) return (await answer.json()) as Answer
  const problem = (await answer.json()) as Problem
  const reasons: Record<string, string[]> = problem.validation_errors ?? {}
  throw new Error(`${problem.type}: ${problem.detail} ${JSON.stringify(reasons)}`)
}

export async function connect(secret: string): Promise<string> {
  const body: CreateSync = {
    collection_ids: ['stripe:customer'],
    credential: { properties: { kind: 'stripe_key', secret } },
    external_id: 'customer_42',
    rate_limit: { allowed_requests: 100, interval: 60 },
  }
  const sync = await call<Sync>('POST', '/v1/syncs', body)
  const status: 'initializing' | 'healthy' | 'warning' | 'error' = sync.health.status
  return `${sync.id} ${status} ${sync.collections.map((one) => one.records_seen).join()}`
}

export async function work(consumerId: string): Promise<string[]> {
  const taken = await call<Delivery>('POST', `/v1/http-consumers/${consumerId}/next`, {})
  const body: operations['ack']['requestBody']['content']['application/json'] = {
    ack_tokens: taken.data.map(({ ack_token }) => ack_token),
  }
  await call('POST', `/v1/http-consumers/${consumerId}/ack`, body)
  return taken.data.map(
    ({ record }) => `${record.upstream_id} ${record.updated_idx} ${record.deleted}`,
  )
}

export const unhealthy: ListQuery = { 'health.status': 'error', limit: 200 }
