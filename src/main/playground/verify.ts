import { setTimeout as delay } from 'node:timers/promises'
import { collectionOf } from '../../connectors/registry.ts'
import { AppError } from '../../domain/error.ts'
import { elements, member } from '../../domain/rawJson.ts'
import { collectionName } from '../../domain/sync.ts'
import type { Api } from './api.ts'
import { compare, type Comparison, isEqual, wrong } from './compare.ts'

type Sync = { id: string; collection_ids: string[] }

/**
 * Compares a simulated account with what the stream holds of it, collection by collection. The account's life is stopped
 * meanwhile, the sync is told to look now, and what was still on its way gets some time to arrive. A provider tells some
 * changes by no event: those come with the daily reading of the whole list, which is then asked for now (a resync).
 */
export async function verifyPlayground(options: {
  api: Api
  provider: string
  simulatorUrl: string
  patience: { changesMs: number; listsMs: number }
  say: (line: string) => void
}): Promise<Comparison[]> {
  const { api, provider, simulatorUrl, patience, say } = options
  const externalId = encodeURIComponent(`playground:${provider}`)
  const found = await api.get<{ data: Sync[] }>(`/v1/syncs?external_id=${externalId}`)
  const sync = found.data[0]
  if (sync === undefined)
    throw new AppError('not_found', `There is no playground sync for ${provider} yet.`)
  const { rate } = (await control(simulatorUrl, 'GET', '')) as { rate: number }
  await control(simulatorUrl, 'PUT', '/live', { rate: 0 })
  say(`the ${provider} account stands still now; comparing`)
  try {
    await api.post(`/v1/syncs/${sync.id}/check`, {})
    const look = (): Promise<Comparison[]> => compareAll(api, sync, simulatorUrl)
    const first = await settle(look, patience.changesMs, say)
    if (isEqual(first)) return first
    const ids = first.filter((each) => wrong(each) > 0).map((each) => each.collection)
    say(
      `no event told of these; asking for the whole list of ${ids.join(', ')} now instead of within a day`,
    )
    await api.post(`/v1/syncs/${sync.id}/resync`, { collection_ids: ids })
    return await settle(look, patience.listsMs, say)
  } finally {
    await control(simulatorUrl, 'PUT', '/live', { rate })
  }
}

async function settle(
  look: () => Promise<Comparison[]>,
  patienceMs: number,
  say: (line: string) => void,
): Promise<Comparison[]> {
  const until = Date.now() + patienceMs
  let said = -1
  for (;;) {
    const comparisons = await look()
    if (isEqual(comparisons) || Date.now() > until) return comparisons
    const open = comparisons.reduce((sum, each) => sum + wrong(each), 0)
    if (open !== said) say(`still on their way: ${open} records`)
    said = open
    await delay(2_000)
  }
}

async function compareAll(api: Api, sync: Sync, simulatorUrl: string): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  for (const id of sync.collection_ids) {
    const name = collectionName(id)
    const answer = (await control(simulatorUrl, 'GET', `/snapshot?collection=${name}`)) as Record<
      string,
      Record<string, string>
    >
    const account = new Map(Object.entries(answer[name] ?? {}))
    const stream = await recordsOf(api, sync.id, id)
    comparisons.push(compare(id, account, stream, collectionOf(id).collection.volatile ?? []))
  }
  return comparisons
}

/** The records that are not deleted, each with its data as the API tells it, to the character. */
async function recordsOf(
  api: Api,
  syncId: string,
  collectionId: string,
): Promise<Map<string, string>> {
  const records = new Map<string, string>()
  let after: string | null = null
  do {
    const query: URLSearchParams = new URLSearchParams({
      sync_id: syncId,
      collection_id: collectionId,
      limit: '200',
    })
    if (after !== null) query.set('after_cursor', after)
    const text = await api.text(`/v1/records?${query}`)
    for (const raw of elements(text, ['data'])) {
      if (member(raw, ['deleted']) === 'true') continue
      records.set(
        JSON.parse(member(raw, ['upstream_id']) ?? 'null') as string,
        member(raw, ['data']) ?? 'null',
      )
    }
    after = JSON.parse(member(text, ['next_cursor']) ?? 'null') as string | null
  } while (after !== null)
  return records
}

async function control(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${url}/_sim${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(30_000),
  })
  if (!answer.ok) throw new Error(`the simulator answered ${answer.status} to ${method} ${path}`)
  return answer.json()
}
