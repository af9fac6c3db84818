/** Consumers over HTTP, with workers that ack, nack, stall and die. Each keeps a view of what it was given and acked. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Counts } from '../support/counts.ts'
import type { Random } from '../support/random.ts'
import type { Ask } from './client.ts'
import { once } from './client.ts'

export type View = Map<string, { idx: number; deleted: boolean; data: string }>

export type Consumer = {
  name: string
  id: string
  stream: string
  /** Null: all. */
  collectionIds: string[] | null
  view: View
}

type Delivered = {
  ack_token: string
  record: {
    id: string
    updated_idx: number
    deleted: boolean
    data: unknown
    collection_id: string
  }
}

const ackWaitMs = 2_000

export async function makeConsumers(ask: Ask): Promise<Consumer[]> {
  const make = async (name: string, stream: string, ids: string[] | null, maxDeliver: number) => {
    const { status, body } = await ask('POST', '/v1/http-consumers', {
      name,
      stream_id: stream,
      ack_wait_ms: ackWaitMs,
      max_ack_pending: 300,
      max_deliver: maxDeliver,
      ...(ids === null ? {} : { filters: { collection_id: ids } }),
    })
    if (status !== 201) throw new Error(`no consumer: ${JSON.stringify(body)}`)
    return { name, id: body.id as string, stream, collectionIds: ids, view: new Map() as View }
  }
  return [
    await make('all', 'default', null, -1),
    await make('some', 'default', ['stripe:customer', 'stripe:invoice', 'stripe:coupon'], 6),
    await make('other', 'other', null, -1),
  ]
}

/** One worker, until `end`. From `calm` on it only acks. */
export async function work(options: {
  consumer: Consumer
  url: string
  apiKey: string
  random: Random
  counts: Counts
  calm: AbortSignal
  end: AbortSignal
}): Promise<void> {
  const { consumer, url, apiKey, random, counts, calm, end } = options
  const headers = { authorization: `Bearer ${apiKey}` }
  const base = `${url}/v1/http-consumers/${consumer.id}`
  const send = async (verb: string, body: object) =>
    await once('POST', `${base}/${verb}`, body, headers)
  const late: Promise<void>[] = []

  async function ack(taken: Delivered[]): Promise<void> {
    if (taken.length === 0) return
    // Process first, ack after.
    for (const { record } of taken) process(consumer.view, record)
    await send('ack', { ack_tokens: taken.map((one) => one.ack_token) })
    counts.add('acked', taken.length)
  }

  async function treat(taken: Delivered[]): Promise<void> {
    const ways = taken.map((one) => ({ one, way: calm.aborted ? 0 : random.next() }))
    const of = (from: number, to: number) =>
      ways.filter(({ way }) => way >= from && way < to).map(({ one }) => one)
    await ack(of(0, 0.84))
    const nacked = of(0.84, 0.92)
    if (nacked.length > 0) {
      counts.add('nacked', nacked.length)
      await send('nack', {
        ack_tokens: nacked.map((one) => one.ack_token),
        ...(random.chance(0.5) ? { delay_ms: random.int(800) } : {}),
      })
    }
    const stalled = of(0.92, 0.97)
    counts.add('acked late', stalled.length)
    late.push(delay(ackWaitMs * (0.7 + random.next())).then(async () => await ack(stalled)))
    counts.add('died with', of(0.97, 1).length)
  }

  while (!end.aborted) {
    const hangUp = new AbortController()
    const signal = AbortSignal.any([hangUp.signal, end])
    if (!calm.aborted && random.chance(0.05)) setTimeout(() => hangUp.abort(), random.int(200))
    const size = 1 + random.int(60)
    const answer = await once(
      'GET',
      `${base}/next?batch_size=${size}&wait_for=1000`,
      undefined,
      headers,
      signal,
    )
    if (answer?.status !== 200) {
      counts.add('next without an answer')
      await delay(100)
      continue
    }
    const taken = answer.body.data as Delivered[]
    counts.add('delivered', taken.length)
    await treat(taken)
  }
  await Promise.all(late)
}

/** An upsert by id that refuses what is older. */
function process(view: View, record: Delivered['record']): void {
  const { id, updated_idx: idx, deleted, data } = record
  if ((view.get(id)?.idx ?? -1) > idx) return
  view.set(id, { idx, deleted, data: JSON.stringify(data) })
}
