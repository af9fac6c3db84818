/** What activities are made of: built by src/deps.ts. */
import type { Connector } from '../src/connectors/connector.ts'
import type { Memory } from '../src/credentials/memory.ts'
import type { Tokens } from '../src/credentials/refresh.ts'
import type { Sealer } from '../src/credentials/seal.ts'
import type { Pools } from '../src/db/pools.ts'
import type { Log } from '../src/log.ts'
import type { Metrics } from '../src/metrics.ts'
import type { Http } from '../src/upstream/http.ts'
import type { Quota } from '../src/upstream/quota.ts'
import type { Slices } from './slices.ts'

export type ActivityDeps = {
  pools: Pools
  quota: Quota
  http: Http
  sealer: Sealer
  tokens: Pick<Tokens, 'current'>
  memory: Memory
  connectorOf(provider: string): Connector
  slices: Slices
  log: Log
  metrics: Metrics
  /** Milliseconds since 1970. */
  now(): number
  /** In [0, 1). */
  random(): number
}
