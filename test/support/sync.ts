import { randomUUID } from 'node:crypto'
import type { Collection, Connector, Context } from '../../src/connectors/connector.ts'
import type { Opened } from '../../activities/open.ts'
import type { Sql } from '../../src/db/pools.ts'
import { collectionName } from '../../src/domain/sync.ts'
import { sourcesOf } from '../../src/stream/source.ts'
import { makeSource, makeStream } from './stream.ts'

export type TestSync = { syncId: string; tenantId: string; streamNo: number; credentialId: string }

/** An active sync with a credential and these collections, as the API would insert it. */
export async function makeSync(
  sql: Sql,
  collectionIds: string[] = ['acme:thing'],
): Promise<TestSync> {
  const { tenantId, streamId, streamNo } = await makeStream(sql)
  const syncId = randomUUID()
  const [credential] = await sql<{ id: string }[]>`
    insert into credentials (tenant_id, provider, kind, upstream_account, livemode, properties, ciphertext, key_id, base_url)
    values (${tenantId}, 'acme', 'acme_key', 'acct_1', false, '{}', '\\x00', 'k', 'http://localhost')
    returning id`
  await sql`
    insert into syncs (id, tenant_id, stream_id, credential_id, provider)
    values (${syncId}, ${tenantId}, ${streamId}, ${credential!.id}, 'acme')`
  for (const collectionId of collectionIds)
    await makeSource(sql, { streamNo }, { syncId, collectionId })
  return { syncId, tenantId, streamNo, credentialId: credential!.id }
}

/** The sync opened for work with these collections, without a way to a provider. */
export async function opened(
  sql: Sql,
  sync: TestSync,
  collections: Record<string, Collection>,
): Promise<Opened> {
  const sources = (await sourcesOf(sql, sync.syncId)).map((source) => {
    const name = collectionName(source.collectionId)
    return { ...source, name, collection: collections[name]! }
  })
  return {
    syncId: sync.syncId,
    status: 'active',
    epoch: 1,
    facts: { provider: 'acme', tenantId: sync.tenantId, name: null, frequency: 'continuous' },
    streamNo: sync.streamNo,
    maxAgeDays: null,
    keepRecords: false,
    hears: false,
    credential: {
      id: sync.credentialId,
      kind: 'acme_key',
      upstreamAccount: 'acct_1',
      livemode: false,
      properties: {},
      facts: {},
      ciphertext: Buffer.alloc(1),
      keyId: 'k',
      baseUrl: 'http://localhost',
    },
    connector: { provider: 'acme', collections, feeds: {}, limits: [] } as unknown as Connector,
    sources,
    looked: new Map(),
    context: () => context(new AbortController().signal),
  }
}

export function context(signal: AbortSignal): Context {
  return {
    request: () => Promise.reject(new Error('there is no provider here')),
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: Date.now,
    signal,
  }
}

/** A collection of things made at these times (ms), in pages, newest first; every request is kept. */
export function thingsAt(
  times: number[],
  pageSize: number,
  onList: (bounds: { fromMs: number | null; toMs: number | null }) => Promise<void> = async () =>
    undefined,
) {
  const things = times.map((ms, at) => ({ id: `t${at}`, ms })).toSorted((a, b) => b.ms - a.ms)
  const lists: { fromMs: number | null; toMs: number | null }[] = []
  const collection: Collection = {
    title: 'Things',
    ranges: true,
    createdOf: (value) => (value['ms'] as number) * 1_000,
    async list(_ctx, cursor, bounds) {
      lists.push(bounds)
      await onList(bounds)
      const inside = things.filter(
        ({ ms }) =>
          (bounds.fromMs === null || ms >= bounds.fromMs) &&
          (bounds.toMs === null || ms < bounds.toMs),
      )
      const rest = inside.filter((thing) => cursor === null || thing.ms < (cursor as number))
      const page = rest.slice(0, pageSize)
      const last = page.at(-1)
      return {
        changes: page.map((thing) => ({
          collection: 'thing',
          id: thing.id,
          raw: JSON.stringify(thing),
          value: thing,
        })),
        cursor: last === undefined ? cursor : last.ms,
        done: rest.length <= pageSize,
        observedAt: new Date().toISOString(),
        ...(last === undefined ? {} : { oldestMs: last.ms }),
      }
    },
    refresh: { feed: 'events' },
    enumerateEveryMs: 86_400_000,
    deletes: ['event', 'sweep'],
    fields: [],
  }
  return { collection, lists, things }
}
