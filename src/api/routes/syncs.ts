import { randomUUID } from 'node:crypto'
import type { Connector } from '../../connectors/connector.ts'
import { getCredential } from '../../store/credentials.ts'
import type { Credential } from '../../store/credentials.ts'
import { notFound } from '../../store/page.ts'
import type { Sync } from '../../store/syncs.ts'
import { getSync, insertSync, listSyncs, patchSync } from '../../store/syncs.ts'
import { isAppError } from '../../domain/error.ts'
import { checkCollectionsOf, precheckCollections } from '../catalog.ts'
import { connectorOfCredential, importCredential } from '../credential.ts'
import type { Importing } from '../credential.ts'
import type { ApiDeps } from '../deps.ts'
import { invalid } from '../input.ts'
import type { Route } from '../route.ts'
import { created, ok, route } from '../route.ts'
import type { CreateSync } from '../schemas/syncs.ts'
import * as schemas from '../schemas/syncs.ts'
import { known, streamIdOrNone, streamOf } from '../stream.ts'
import { shownSync, shownSyncs } from '../sync.ts'

export const syncTag = 'Syncs'

/** Health is computed, not stored: so many syncs are looked at for those of one status. */
const lookedAtForHealth = 200

export const syncRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/syncs',
    operation: 'createSync',
    summary: 'Create a sync',
    description: 'Collections of one credential into one stream. It begins at once.',
    tag: syncTag,
    right: 'write',
    creates: true,
    body: schemas.createSync,
    answers: { 201: { description: 'The new sync.', schema: schemas.sync } },
    problems: ['credential-rejected', 'upstream-refused', 'conflict', 'unavailable'],
    async handle(call) {
      const { deps, tenantId, body } = call
      await deps.syncs.ping()
      const { id: streamId, streamNo } = await streamOf(deps, tenantId, body.stream_id ?? 'default')
      const credential = await credentialOf(call, body)
      connectorOfCredential(deps, credential)
      const row = await insertSync(deps.db, tenantId, {
        id: call.newId,
        streamId,
        streamNo,
        credentialId: credential.id,
        provider: credential.provider,
        name: body.name ?? null,
        collectionIds: await checkCollectionsOf(call, credential, body.collection_ids),
        syncFrequency: body.sync_frequency,
        maxAgeDays: body.max_age_days ?? null,
        rateLimit: body.rate_limit ?? null,
        externalId: body.external_id ?? null,
        metadata: body.metadata ?? {},
      })
      await start(deps, tenantId, row)
      return created(await shownSync(deps, tenantId, row), row.version)
    },
  }),
  route({
    method: 'GET',
    path: '/v1/syncs',
    operation: 'listSyncs',
    summary: 'List syncs',
    description:
      'A page may be shorter than `limit` when it is filtered by health; go on while there is a `next_cursor`.',
    tag: syncTag,
    right: 'read',
    query: schemas.syncQuery,
    answers: { 200: { description: 'Syncs, newest first.', schema: schemas.syncList } },
    problems: [],
    async handle({ deps, tenantId, query }) {
      const streamId =
        query.stream_id === undefined ? null : await streamIdOrNone(deps, tenantId, query.stream_id)
      const filter = {
        provider: query.provider ?? null,
        streamId,
        credentialId: query.credential_id ?? null,
        name: query.name ?? null,
        externalId: query.external_id ?? null,
        status: query.status ?? null,
        metadata: query.metadata ?? null,
      }
      const status = query['health.status']
      const page = await listSyncs(deps.db, tenantId, filter, {
        limit: status === undefined ? query.limit : lookedAtForHealth,
        cursor: query.cursor ?? null,
      })
      const all = await shownSyncs(deps, tenantId, page.rows)
      const found = all.flatMap((one, n) =>
        status === undefined || one.health.status === status
          ? [{ one, cursor: page.cursors[n]! }]
          : [],
      )
      const given = found.slice(0, query.limit)
      return ok({
        data: given.map(({ one }) => one),
        next_cursor: found.length > given.length ? given.at(-1)!.cursor : page.nextCursor,
      })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/syncs/{id}',
    operation: 'getSync',
    summary: 'Get a sync',
    tag: syncTag,
    right: 'read',
    answers: { 200: { description: 'The sync.', schema: schemas.sync } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      const found = await deps.syncReads.get(tenantId, params.id.toLowerCase())
      if (found === undefined) throw notFound('sync')
      return ok(found.body, found.version)
    },
  }),
  route({
    method: 'PATCH',
    path: '/v1/syncs/{id}',
    operation: 'patchSync',
    summary: 'Change a sync',
    description:
      'What is left out stays, null clears. A collection that is added is backfilled beside the running changes; one that is removed stops, and its records stay.',
    tag: syncTag,
    right: 'write',
    versioned: true,
    body: schemas.patchSync,
    answers: { 200: { description: 'The sync as it is now.', schema: schemas.sync } },
    problems: ['not-found', 'unavailable'],
    async handle(call) {
      const { deps, tenantId, params, body, ifMatch } = call
      const before = await getSync(deps.db, tenantId, params.id)
      await deps.syncs.ping()
      const patch = await patchOf(call, before, body)
      const row = await patchSync(deps.db, tenantId, params.id, patch, ifMatch)
      await tell(deps, row, body.status, Object.keys(patch).length > 0)
      const now = await getSync(deps.db, tenantId, params.id)
      return ok(await shownSync(deps, tenantId, now), now.version)
    },
  }),
]

/**
 * An inline credential is imported first. It keeps its own id: the one of an Idempotency-Key is the sync's.
 */
async function credentialOf(call: Importing, body: CreateSync): Promise<Credential> {
  const { deps, tenantId } = call
  if ((body.credential === undefined) === (body.credential_id === undefined)) {
    throw invalid({ credential_id: ['give either `credential_id` or `credential`'] })
  }
  if (body.credential !== undefined) {
    const precheck = (connector: Connector) => precheckCollections(connector, body.collection_ids)
    const importing = { ...call, newId: randomUUID(), precheck }
    const { credential } = await importCredential(
      importing,
      body.credential,
      body.provider ?? null,
      'credential',
    )
    return credential
  }
  const credential = await known(
    getCredential(deps.db, tenantId, body.credential_id ?? ''),
    'credential_id',
    'names no credential of this tenant',
  )
  if (body.provider !== undefined && body.provider !== credential.provider) {
    const kinds = (deps.connectors[body.provider]?.credentialKinds ?? [])
      .map((one) => `\`${one.kind}\``)
      .join(', ')
    const fits = kinds === '' ? '' : `; credential kinds that fit ${body.provider}: ${kinds}`
    throw invalid({
      credential_id: [`is a credential of ${credential.provider}, not of ${body.provider}${fits}`],
    })
  }
  return credential
}

/** The row stands. Should the start fail in this moment, the watch starts it within seconds: no reason to refuse. */
async function start(deps: ApiDeps, tenantId: string, row: Sync): Promise<void> {
  try {
    await deps.syncs.start({ syncId: row.id, tenantId, provider: row.provider, name: row.name })
  } catch (error) {
    if (!isAppError(error, 'transient')) throw error
    deps.log.warn({ event: 'sync.start_failed', sync: row.id, error: error.message })
  }
}

async function patchOf(
  call: Pick<Importing, 'deps' | 'tenantId' | 'signal'>,
  before: Sync,
  body: ReturnType<typeof schemas.patchSync.parse>,
) {
  const {
    name,
    collection_ids: ids,
    rate_limit: rateLimit,
    max_age_days: days,
    sync_frequency: frequency,
    metadata,
    external_id: externalId,
  } = body
  return {
    ...(name === undefined ? {} : { name }),
    ...(ids === undefined
      ? {}
      : {
          collectionIds: await checkCollectionsOf(
            call,
            {
              id: before.credentialId,
              provider: before.provider,
            },
            ids,
          ),
        }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(days === undefined ? {} : { maxAgeDays: days }),
    ...(frequency === undefined ? {} : { syncFrequency: frequency }),
    ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
    ...(externalId === undefined ? {} : { externalId }),
  }
}

/** The workflow hears of the change: a status by its own command, all else by a nudge. */
async function tell(
  deps: ApiDeps,
  row: Sync,
  status: 'active' | 'paused' | 'disabled' | undefined,
  changed: boolean,
) {
  if (status === 'active' && row.status === 'paused') await deps.syncs.resume(row.id)
  else if (status !== undefined && status !== 'active' && row.status === 'active')
    await deps.syncs.pause(row.id)
  else if (changed) {
    try {
      await deps.syncs.nudge(row.id)
    } catch (error) {
      // the row is changed, and the workflow reads it at its next turn
      deps.log.warn({
        event: 'nudge.failed',
        sync: row.id,
        error: isAppError(error) ? error.message : 'unknown',
      })
    }
  }
}
