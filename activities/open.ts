/** A sync opened for work: its row, its connector, and the way to the provider. */
import type { Collection, Connector, Context } from '../src/connectors/connector.ts'
import { collectionNamed } from '../src/connectors/lookup.ts'
import { openCredential } from '../src/credentials/load.ts'
import { AppError } from '../src/domain/error.ts'
import type { RateLimit, SyncStatus } from '../src/domain/sync.ts'
import { collectionName } from '../src/domain/sync.ts'
import type { Source } from '../src/stream/source.ts'
import { sourcesOf } from '../src/stream/source.ts'
import { effectiveLimits } from '../src/upstream/limits.ts'
import type { Priority } from '../src/upstream/quota.ts'
import { createRequester } from '../src/upstream/request.ts'
import type { SyncFacts } from './contract.ts'
import type { ActivityDeps } from './deps.ts'

export type Opened = {
  syncId: string
  status: SyncStatus
  epoch: number
  facts: SyncFacts
  streamNo: number
  maxAgeDays: number | null
  keepRecords: boolean
  /** The provider has an address of ours to send webhooks to. */
  hears: boolean
  credential: CredentialRow
  connector: Connector
  /** Collections that were not taken out, and whose connector still knows them. */
  sources: OpenSource[]
  /** Observations taken in besides those of enumerations, by source, not yet in its row. */
  looked: Map<number, number>
  /** Everything a connector may use, for requests of this priority. `onAnswer`: told how long each took, without waits for quota. */
  context(priority: Priority, signal: AbortSignal, onAnswer?: (ms: number) => void): Context
}

export type OpenSource = Source & { name: string; collection: Collection }

export type CredentialRow = {
  id: string
  kind: string
  upstreamAccount: string
  livemode: boolean
  properties: Record<string, unknown>
  facts: Record<string, unknown>
  ciphertext: Buffer
  keyId: string
  baseUrl: string
}

/** Reads the rows; no request is made. Throws `not_found` where the sync is gone. */
export async function openSync(deps: ActivityDeps, syncId: string): Promise<Opened> {
  const row = await readRow(deps, syncId)
  const connector = deps.connectorOf(row.provider)
  const credential: CredentialRow = {
    id: row.credential_id,
    kind: row.kind,
    upstreamAccount: row.upstream_account,
    livemode: row.livemode,
    properties: JSON.parse(row.properties) as Record<string, unknown>,
    facts: JSON.parse(row.facts) as Record<string, unknown>,
    ciphertext: row.ciphertext,
    keyId: row.key_id,
    baseUrl: row.base_url,
  }
  const sources = (await sourcesOf(deps.pools.write, syncId)).flatMap((source) => {
    const name = collectionName(source.collectionId)
    const collection = collectionNamed(connector, name)
    return collection === null ? [] : [{ ...source, name, collection }]
  })
  const sync = { syncId, epoch: Number(row.epoch) }
  return {
    ...sync,
    status: row.status,
    facts: {
      provider: row.provider,
      tenantId: row.tenant_id,
      name: row.name,
      frequency: row.sync_frequency,
    },
    streamNo: row.stream_no,
    maxAgeDays: row.max_age_days,
    keepRecords: row.keep_records,
    hears: row.hears,
    credential,
    connector,
    sources,
    looked: new Map(),
    context(priority, signal, onAnswer) {
      const open = openCredential(credential, deps.sealer, connector, deps.tokens)
      const request = createRequester({
        http: deps.http,
        quota: deps.quota,
        credential: { id: credential.id, ...open },
        connector,
        limits: effectiveLimits(connector, row.rate_limits, credential.livemode),
        sync,
        priority,
        signal,
        onRequest: ({ outcome, ms, waitedMs }) => {
          const { provider } = row
          deps.metrics.upstreamRequests.observe({ provider, kind: priority, outcome }, ms / 1_000)
          deps.metrics.quotaWait.observe({ provider, kind: priority }, waitedMs / 1_000)
          onAnswer?.(ms)
        },
      })
      const remember = deps.memory(credential.id)
      return { request, config: open.config, remember, now: deps.now, signal }
    },
  }
}

type Row = {
  status: SyncStatus
  epoch: string
  provider: string
  tenant_id: string
  name: string | null
  sync_frequency: string
  stream_no: number
  max_age_days: number | null
  keep_records: boolean
  hears: boolean
  credential_id: string
  kind: string
  upstream_account: string
  livemode: boolean
  properties: string
  facts: string
  ciphertext: Buffer
  key_id: string
  base_url: string
  rate_limits: RateLimit[]
}

/** `rate_limits`: of all active syncs of the credential, for the smallest holds for all its traffic. */
async function readRow(deps: ActivityDeps, syncId: string): Promise<Row> {
  const [row] = await deps.pools.write<(Omit<Row, 'rate_limits'> & { rate_limits: string })[]>`
    select s.status, s.epoch, s.provider, s.tenant_id, s.name, s.sync_frequency, t.stream_no, s.max_age_days,
           s.keep_records, s.credential_id, c.kind, c.upstream_account, c.livemode, c.properties, c.facts, c.ciphertext, c.key_id,
           c.base_url,
           exists (select from webhook_endpoints w where w.credential_id = c.id and w.ready) as hears,
           (select coalesce(json_agg(o.rate_limit), '[]')
              from syncs o
             where o.credential_id = s.credential_id and o.status = 'active' and o.rate_limit is not null) as rate_limits
      from syncs s
      join streams t on t.id = s.stream_id
      join credentials c on c.id = s.credential_id
     where s.id = ${syncId}`
  if (row === undefined)
    throw new AppError('not_found', 'This sync is gone: its row is no longer in the database.')
  return { ...row, rate_limits: JSON.parse(row.rate_limits) as RateLimit[] }
}
