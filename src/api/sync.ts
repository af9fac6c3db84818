import { createBatches } from '../domain/batches.ts'
import type { Batches } from '../domain/batches.ts'
import { AppError } from '../domain/error.ts'
import { getCredentials } from '../store/credentials.ts'
import type { Sync } from '../store/syncs.ts'
import { getSyncs } from '../store/syncs.ts'
import { shownCredential } from './credential.ts'
import type { ApiDeps, SyncHealth } from './deps.ts'
import { toWire } from './wire.ts'

/** Syncs as they are shown: rows, with their credentials and what is known of their health. Two queries for all. */
export async function shownSyncs(deps: ApiDeps, tenantId: string, rows: Sync[]) {
  const credentialIds = [...new Set(rows.map((row) => row.credentialId))]
  const [credentials, healths] = await Promise.all([
    getCredentials(deps.db, tenantId, credentialIds),
    deps.healthOf(
      tenantId,
      rows.map((row) => row.id),
    ),
  ])
  // once each: a tenant with thousands of syncs has few credentials
  const known = new Map([...credentials].map(([id, row]) => [id, shownCredential(deps, row)]))
  return rows.map((row) => shown(row, known.get(row.credentialId), healths.get(row.id)))
}

export async function shownSync(deps: ApiDeps, tenantId: string, row: Sync) {
  const [sync] = await shownSyncs(deps, tenantId, [row])
  return sync!
}

export type ShownSync = { body: Awaited<ReturnType<typeof shownSync>>; version: string }

/** Syncs by id as they are shown, read together with those that others ask for at the same time: three queries for all. */
export function createSyncReads(deps: ApiDeps): Batches<ShownSync> {
  return createBatches(async (tenantId, ids) => {
    const rows = [...(await getSyncs(deps.db, tenantId, ids)).values()]
    const bodies = await shownSyncs(deps, tenantId, rows)
    return new Map(rows.map(({ id, version }, n) => [id, { body: bodies[n]!, version }]))
  })
}

function shown(
  row: Sync,
  credential: ReturnType<typeof shownCredential> | undefined,
  facts: SyncHealth | undefined,
) {
  if (credential === undefined) throw new AppError('not_found', 'There is no sync with this id.')
  const { version: _, metadata, rateLimit, ...rest } = row
  const known = facts ?? unborn(row)
  return {
    ...toWire({ ...rest, metadata, health: known.health, collections: known.collections }),
    rate_limit: rateLimit,
    credential,
  }
}

/** Nothing is known yet: the row was inserted in this moment. */
function unborn(row: Sync): SyncHealth {
  return {
    health: {
      status: 'initializing',
      checks: [
        {
          name: 'progress',
          status: 'initializing',
          message: 'The sync was created and has not begun yet.',
        },
      ],
      lastHealthyAt: null,
      erroringSince: null,
    },
    collections: row.collectionIds.map((collectionId) => ({
      collectionId,
      phase: 'waiting',
      recordsSeen: 0,
      progress: null,
      eta: null,
      lastCheckedAt: null,
      lagSeconds: null,
      expectedLagSeconds: null,
      lastError: null,
    })),
  }
}
