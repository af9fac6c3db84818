import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../src/db/migrate.ts'
import { openPools } from '../../src/db/pools.ts'
import type { Pools } from '../../src/db/pools.ts'
import { createConsumer } from '../../src/delivery/consumers.ts'
import type { Consumer, ConsumerSettings } from '../../src/delivery/consumers.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { startPostgres } from '../../src/main/embedded/postgres.ts'
import { ensureDefaultTenant } from '../../src/store/tenants.ts'
import { writePage } from '../../src/stream/write.ts'
import { bodyOf, observation } from './records.ts'

export type Database = {
  url: string
  /** Of the server; its backends are children of it. */
  pid: number
  pools: Pools
  tenantId: string
  streamId: string
  streamNo: number
  /** Collections of as many syncs, all in one stream: each worker that writes has its own. */
  sources: number[]
  stop(): Promise<void>
}

/** An embedded Postgres with fsync, migrated, with the default tenant and its stream. */
export async function startDatabase(options: {
  sources: number
  sharedBuffers?: string
}): Promise<Database> {
  const { sources: count, ...settings } = options
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const port = await anyFree()
  const postgres = await startPostgres({ dir: join(dir, 'postgres'), port, ...settings })
  await migrate(postgres.url)
  const pools = openPools(postgres.url, { applicationName: 'sluice-bench', write: 16 })
  const tenantId = await ensureDefaultTenant(pools.db)
  const [stream] = await pools.write<{ id: string; stream_no: number }[]>`
    select id, stream_no from streams where tenant_id = ${tenantId}`
  const sources: number[] = []
  for (let i = 0; i < count; i++) {
    const [row] = await pools.write<{ source_no: number }[]>`
      insert into source (stream_no, sync_id, collection_id, provider)
      values (${stream!.stream_no}, ${randomUUID()}, 'bench:thing', 'bench')
      returning source_no`
    sources.push(row!.source_no)
  }
  return {
    url: postgres.url,
    pid: postgres.pid,
    pools,
    tenantId,
    streamId: stream!.id,
    streamNo: stream!.stream_no,
    sources,
    async stop() {
      await pools.end()
      await postgres.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Writes `count` new records of 1.5 kB, then settles: statistics, visibility, no dirty pages left to others. */
export async function fill(database: Database, count: number): Promise<void> {
  const { pools, streamNo, sources } = database
  const pageSize = 500
  for (let from = 0; from < count; from += pageSize) {
    const sourceNo = sources[(from / pageSize) % sources.length]!
    const ids = Array.from({ length: Math.min(pageSize, count - from) }, (_, i) => `id_${from + i}`)
    const observations = ids.map((id) => observation(sourceNo, id, bodyOf(id, 0)))
    await writePage(pools.write, {
      streamNo,
      observations,
      path: 'change',
      fence: null,
      hints: [],
      looked: [],
      seen: null,
    })
  }
  await settle(database)
}

export async function settle({ pools }: Database): Promise<void> {
  await pools.write`vacuum analyze`
  await pools.write`checkpoint`
}

export async function consumerOf(
  { pools, tenantId, streamId }: Database,
  settings: Partial<ConsumerSettings> = {},
): Promise<Consumer> {
  return await createConsumer(pools.write, tenantId, {
    id: randomUUID(),
    streamId,
    name: null,
    filters: {},
    deliverPolicy: 'all',
    ackWaitMs: 30_000,
    maxDeliver: -1,
    maxAckPending: 1000,
    maxWaiting: 1000,
    fairness: 'sync',
    metadata: {},
    ...settings,
  })
}
