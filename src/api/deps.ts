import type {
  Collection,
  Connector,
  CredentialKind,
  Granted,
  Identity,
} from '../connectors/connector.ts'
import type { Access } from '../credentials/access.ts'
import type { Sql } from '../db/pools.ts'
import type { Counter } from '../delivery/counts.ts'
import type { Asking } from '../credentials/grant.ts'
import type { Registrar } from '../credentials/registrar.ts'
import type { Batches } from '../domain/batches.ts'
import type { Dispatcher } from '../delivery/dispatcher.ts'
import type { SealedCredential } from '../store/credentials.ts'
import type { Db } from '../store/page.ts'
import type { Syncs } from '../temporal/client.ts'
import type { ShownSync } from './sync.ts'

/** What the API is made of: built by src/deps.ts, by tests with fakes where a part is not theirs. */
export type ApiDeps = {
  db: Db
  /** Raw pools: consumers are made in the one, records are read and delivered in the other. */
  write: Sql
  deliver: Sql
  dispatcher: Dispatcher
  counter: Counter
  sealer: Sealer
  /** Keyed by provider. */
  connectors: Record<string, Connector>
  /** Asks the provider who a credential is: one or two requests, within its quota. Throws `auth` when refused. */
  identify(asked: Asked): Promise<Identity>
  /** A first access token for a credential that is being put in. Throws `auth` when refused. */
  grant(asking: Asking): Promise<Granted>
  /** Webhook endpoints at providers. */
  registrar: Registrar
  /** What a credential may read of these collections, asked for with one small request each, or known already. */
  access(asked: {
    connector: Connector
    credential: SealedCredential
    names: string[]
    signal: AbortSignal
  }): Promise<Map<string, Access>>
  /** Collections that only this account has (credentials/access.ts, discover). */
  discover(asked: {
    connector: Connector
    credential: SealedCredential
    signal: AbortSignal
  }): Promise<{ name: string; title: string; collection: Collection }[]>
  /** The address as it will be called, or `invalid`: only hosts that the operator allows, never a link-local address. */
  checkBaseUrl(connector: Connector, kind: CredentialKind, url: string): Promise<string>
  /** The workflows: each call ends within 5 s, `transient` when Temporal is away. */
  syncs: Syncs
  /** Health and collections of syncs of the tenant, in one query. */
  healthOf(tenantId: string, syncIds: string[]): Promise<Map<string, SyncHealth>>
  /** Writes hints and wakes the slices that look. Returns how many records will be looked at. */
  hint(credentialId: string, hints: { collectionId: string; upstreamId: string }[]): Promise<number>
  /** The fuse: lets held deletes through, or drops them. Returns how many collections had any. */
  decideDeletes(decision: {
    syncId: string
    collectionIds: string[] | null
    approve: boolean
  }): Promise<number>
  /** Each part with what is wrong, or null. */
  ready(): Promise<Record<string, string | null>>
  metrics(): Promise<{ contentType: string; text: string }>
  log: Log
  /** For the metrics. */
  onRequest?(request: { method: string; route: string; status: number; ms: number }): void
  /** Where providers reach us, without a slash at the end. */
  publicUrl: string | null
  version: string
  now(): number
}

/** What routes are handed: besides the parts, what createApp makes of them for all calls together. */
export type AppDeps = ApiDeps & { syncReads: Batches<ShownSync> }

export type Asked = {
  connector: Connector
  kind: CredentialKind
  properties: Record<string, unknown>
  baseUrl: string
  /** Null while it is being created. */
  credentialId: string | null
  /** The properties are those that are stored. */
  stored?: boolean
  signal: AbortSignal
}

export type SyncHealth = {
  health: {
    status: HealthStatus
    checks: { name: string; status: HealthStatus; message: string }[]
    lastHealthyAt: Date | null
    erroringSince: Date | null
  }
  collections: {
    collectionId: string
    phase: 'waiting' | 'backfilling' | 'live' | 'blocked' | 'paused'
    recordsSeen: number
    progress: number | null
    eta: Date | null
    lastCheckedAt: Date | null
    lagSeconds: number | null
    expectedLagSeconds: number | null
    lastError: string | null
  }[]
}
export type HealthStatus = 'initializing' | 'healthy' | 'warning' | 'error'

type Sealer = {
  seal(plain: object, aad: string): { ciphertext: Buffer; keyId: string }
  open(ciphertext: Buffer, keyId: string, aad: string): object
}

type Log = {
  debug(event: object): void
  info(event: object): void
  warn(event: object): void
  error(event: object): void
}
