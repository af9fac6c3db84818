/** The engine's activities on a test database, with a connector that lives in memory: no provider, no Temporal. */
import { randomUUID } from 'node:crypto'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { backfillSlice } from '../../activities/backfillSlice.ts'
import { changesSlice } from '../../activities/changesSlice.ts'
import type { BackfillAnswer, ChangesAnswer, Plan } from '../../activities/contract.ts'
import type { ActivityDeps } from '../../activities/deps.ts'
import { planBackfill } from '../../activities/planBackfill.ts'
import { createSlices } from '../../activities/slices.ts'
import type { Collection, Connector, Feed } from '../../src/connectors/connector.ts'
import { createLog } from '../../src/log.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { TestDatabase } from './database.ts'

export type Engine = AsyncDisposable & {
  deps: ActivityDeps
  plan(syncId: string): Promise<Plan>
  /** One slice of a collection. */
  backfill(syncId: string, collectionId?: string): Promise<BackfillAnswer>
  /** Of a sync with a duration as frequency: one pass. */
  changes(syncId: string): Promise<ChangesAnswer>
}

/** `now`: by default the clock's. */
export async function openEngine(
  database: TestDatabase,
  parts: { collections: Record<string, Collection>; feeds?: Record<string, Feed> },
  more: Partial<ActivityDeps> = {},
): Promise<Engine> {
  const log = createLog({ logLevel: 'silent' })
  const slices = createSlices({ pools: database.pools, fail: async () => undefined, log })
  await slices.start()
  const connector = connectorWith(parts)
  const deps = {
    pools: database.pools,
    sealer: { open: () => ({}) },
    memory: () => async (_key: string, _ms: number, load: () => Promise<unknown>) => await load(),
    connectorOf: () => connector,
    slices,
    log,
    metrics: createMetrics({ processMetrics: false }),
    now: Date.now,
    random: () => 0.5,
    ...more,
  } as unknown as ActivityDeps
  const asActivity = async <T>(syncId: string, work: () => Promise<T>): Promise<T> =>
    await new MockActivityEnvironment(
      {
        activityId: randomUUID(),
        workflowExecution: { workflowId: `sync/${syncId}`, runId: randomUUID() },
      },
      { logger: new DefaultLogger('ERROR', () => undefined) },
    ).run(work)
  return {
    deps,
    plan: async (syncId) => await planBackfill(deps, syncId, new AbortController().signal),
    backfill: async (syncId, collectionId = 'acme:thing') =>
      await asActivity(
        syncId,
        async () => await backfillSlice(deps, { syncId, collectionId }, () => undefined),
      ),
    changes: async (syncId) =>
      await asActivity(syncId, async () => await changesSlice(deps, syncId)),
    [Symbol.asyncDispose]: async () => await slices.stop(),
  }
}

function connectorWith({
  collections,
  feeds = {},
}: {
  collections: Record<string, Collection>
  feeds?: Record<string, Feed>
}): Connector {
  return {
    provider: 'acme',
    title: 'Acme',
    credentialKinds: [{ kind: 'acme_key', auth: () => ({}), fallbackAccount: () => 'none' }],
    limits: [],
    collections,
    feeds,
    identify: async () => ({ account: 'acct_1', name: null, livemode: false }),
  } as unknown as Connector
}
