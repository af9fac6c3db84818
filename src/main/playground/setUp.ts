import type { Running } from '../bringUp.ts'
import { simulators } from '../simulators.ts'
import type { Api } from './api.ts'

export type Playground = { syncIds: string[]; consumerId: string | null }

type Row = { id: string }
type List = { data: Row[] }

/**
 * Makes what the playground needs, through the API like any user: a credential and a sync for each simulated account, and one
 * consumer. What is there from an earlier start is used again.
 */
export async function setUpPlayground(
  api: Api,
  simulated: Running['simulated'],
): Promise<Playground> {
  const syncIds: string[] = []
  for (const account of simulated) syncIds.push(await syncOf(api, account))
  if (syncIds.length === 0) return { syncIds, consumerId: null }
  return { syncIds, consumerId: await consumerOf(api) }
}

/** A simulator lets through more than a provider: what is asked for customer by customer takes seconds, not minutes. */
const simulatorPace = { allowed_requests: 300, interval: 1, max_concurrent_requests: 16 }

type Provider = { id: string; collection_ids: string[] }

async function syncOf(api: Api, account: Running['simulated'][number]): Promise<string> {
  const { provider, url, key } = account
  const { kind, properties } = simulators[provider]!.credential(key)
  const credential = await api.post<Row>('/v1/credentials', {
    name: `Playground ${provider}`,
    provider,
    kind,
    properties: { ...properties, base_url: url },
    metadata: { playground: true },
  })
  const externalId = `playground:${provider}`
  const there = await api.get<List>(`/v1/syncs?external_id=${encodeURIComponent(externalId)}`)
  if (there.data[0] !== undefined) return there.data[0].id
  const providers = await api.get<{ data: Provider[] }>('/v1/providers')
  const sync = await api.post<Row>('/v1/syncs', {
    name: `Playground ${provider}`,
    credential_id: credential.id,
    collection_ids: providers.data.find((one) => one.id === provider)!.collection_ids,
    rate_limit: simulatorPace,
    external_id: externalId,
    metadata: { playground: true },
  })
  return sync.id
}

async function consumerOf(api: Api): Promise<string> {
  const name = 'playground'
  const there = await api.get<List>(`/v1/http-consumers?name=${name}`)
  if (there.data[0] !== undefined) return there.data[0].id
  const consumer = await api.post<Row>('/v1/http-consumers', {
    name,
    stream_id: 'default',
    ack_wait_ms: 30_000,
    metadata: { playground: true },
  })
  return consumer.id
}
