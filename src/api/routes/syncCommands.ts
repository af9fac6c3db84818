import { AppError } from '../../domain/error.ts'
import { shownCoverage } from '../coverage.ts'
import { coverageOf, listQuarantine } from '../../store/sources.ts'
import { getSync } from '../../store/syncs.ts'
import type { Outcome } from '../../temporal/client.ts'
import { invalid } from '../input.ts'
import type { Answer, AnswerText, Call, Route } from '../route.ts'
import { deleted, ok, route } from '../route.ts'
import * as schemas from '../schemas/syncs.ts'
import { deletedAnswer } from '../schemas/values.ts'
import { shownSync } from '../sync.ts'
import { toWire } from '../wire.ts'
import { syncTag as tag } from './syncs.ts'

type Tenant = Pick<Call, 'deps' | 'tenantId'> & { params: { id: string } }

/** 202: the workflow was told and has not answered yet; the sync is shown as it is. */
const answers: Record<number, AnswerText> = {
  200: { description: 'Done; the sync as it is now.', schema: schemas.sync },
  202: {
    description: 'Told, and not yet answered: it will be done. The sync as it is now.',
    schema: schemas.sync,
  },
}

async function command(
  { deps, tenantId, params }: Tenant,
  act: (syncId: string) => Promise<Outcome>,
): Promise<Answer> {
  const { id } = await getSync(deps.db, tenantId, params.id)
  const { accepted } = await act(id)
  const now = await getSync(deps.db, tenantId, id)
  const status = accepted === 'done' ? 200 : 202
  return { status, body: await shownSync(deps, tenantId, now), version: now.version }
}

function checkKnown(ids: string[] | undefined, known: string[]): void {
  const wrong = (ids ?? []).flatMap((id, at) =>
    known.includes(id) ? [] : [`collection_ids.${at}`],
  )
  if (wrong.length > 0)
    throw invalid(
      Object.fromEntries(
        wrong.map((name) => [
          name,
          [`is no collection of this sync; it has ${known.map((one) => `\`${one}\``).join(', ')}`],
        ]),
      ),
    )
}

const verbs = [
  {
    verb: 'pause',
    operation: 'pauseSync',
    summary: 'Pause a sync',
    description: 'Within 2 s no request is made for it any more.',
  },
  {
    verb: 'resume',
    operation: 'resumeSync',
    summary: 'Resume a sync',
    description: 'It goes on where it stopped.',
  },
  {
    verb: 'check',
    operation: 'checkSync',
    summary: 'Look for changes now',
    description: 'Whatever its frequency.',
  },
] as const

const verbRoutes = verbs.map(({ verb, ...texts }) =>
  route({
    method: 'POST',
    path: `/v1/syncs/{id}/${verb}`,
    ...texts,
    tag,
    right: 'write',
    body: schemas.emptyBody,
    bodyOptional: true,
    answers,
    problems: ['not-found', 'unavailable'],
    async handle(call) {
      const { syncs } = call.deps
      return await command(call, (id) => (verb === 'check' ? syncs.nudge(id) : syncs[verb](id)))
    },
  }),
)

const decisionRoutes = (['approve', 'reject'] as const).map((decision) =>
  route({
    method: 'POST',
    path: `/v1/syncs/{id}/deletes/${decision}`,
    operation: `${decision}Deletes`,
    summary: decision === 'approve' ? 'Let held deletes through' : 'Drop held deletes',
    description:
      decision === 'approve'
        ? 'More than 100 records and 5 % of a collection missing at once wait for this; `health` says so, with samples. Each is asked for by id before it is deleted. What was rejected earlier is let through too.'
        : 'The records stay, and are not brought up again while they are missing; a later approval lets them go.',
    tag,
    right: 'write',
    body: schemas.fuseBody,
    bodyOptional: true,
    answers: { 200: { description: 'Decided; the sync as it is now.', schema: schemas.sync } },
    problems: ['not-found', 'conflict'],
    async handle({ deps, tenantId, params, body }) {
      const row = await getSync(deps.db, tenantId, params.id)
      checkKnown(body.collection_ids, row.collectionIds)
      const count = await deps.decideDeletes({
        syncId: row.id,
        collectionIds: body.collection_ids ?? null,
        approve: decision === 'approve',
      })
      if (count === 0)
        throw new AppError(
          'conflict',
          decision === 'approve'
            ? 'No deletes of this sync are held at the moment, and none were rejected.'
            : 'No deletes of this sync are held at the moment.',
        )
      return ok(await shownSync(deps, tenantId, row), row.version)
    },
  }),
)

export const syncCommandRoutes: Route[] = [
  route({
    method: 'DELETE',
    path: '/v1/syncs/{id}',
    operation: 'deleteSync',
    summary: 'Delete a sync',
    description:
      'Ends its workflow and deletes its records for every consumer, unless `keep_records`.',
    tag,
    right: 'write',
    query: schemas.deleteSyncQuery,
    answers: {
      200: { description: 'It ends; its records are being deleted.', schema: deletedAnswer },
      202: { description: 'Told, and not yet answered: it will be done.', schema: deletedAnswer },
    },
    problems: ['not-found', 'unavailable'],
    async handle({ deps, tenantId, params, query }) {
      const { id } = await getSync(deps.db, tenantId, params.id)
      const { accepted } = await deps.syncs.remove(id, { keepRecords: query.keep_records })
      return deleted(id, accepted === 'done' ? 200 : 202)
    },
  }),
  ...verbRoutes,
  route({
    method: 'POST',
    path: '/v1/syncs/{id}/resync',
    operation: 'resyncSync',
    summary: 'Read everything again',
    description: 'Beside the running changes. What did not change does not move.',
    tag,
    right: 'write',
    body: schemas.resyncBody,
    bodyOptional: true,
    answers,
    problems: ['not-found', 'unavailable'],
    async handle(call) {
      const { collection_ids: ids } = call.body
      if (ids !== undefined)
        checkKnown(ids, (await getSync(call.deps.db, call.tenantId, call.params.id)).collectionIds)
      return await command(call, (id) =>
        ids === undefined ? call.deps.syncs.resync(id) : call.deps.syncs.resync(id, ids),
      )
    },
  }),
  ...decisionRoutes,
  route({
    method: 'GET',
    path: '/v1/syncs/{id}/coverage',
    operation: 'getSyncCoverage',
    summary: 'What a sync is known to hold',
    description:
      'For each collection the evidence of its last whole enumeration: how many records were compared, how many were different from what the changes had brought (and were repaired), how many were gone.',
    tag,
    right: 'read',
    answers: { 200: { description: 'All collections.', schema: schemas.coverageList } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params }) {
      const { id } = await getSync(deps.db, tenantId, params.id)
      const rows = await coverageOf(deps.db, tenantId, id)
      return ok({ data: rows.map(shownCoverage), next_cursor: null })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/syncs/{id}/quarantine',
    operation: 'listSyncQuarantine',
    summary: 'Records that could not be taken in',
    description:
      'Each as it came, and why it could not be stored. The others go on; a record leaves as soon as a later look at it can be stored, and a check of the sync looks at all of them again.',
    tag,
    right: 'read',
    query: schemas.quarantineQuery,
    answers: { 200: { description: 'By collection and id.', schema: schemas.quarantineList } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, query }) {
      const { id } = await getSync(deps.db, tenantId, params.id)
      const after = query.cursor === undefined ? null : readAfter(query.cursor)
      const rows = await listQuarantine(deps.db, tenantId, id, { after, limit: query.limit + 1 })
      const data = rows.slice(0, query.limit)
      const last = data.at(-1)
      const next = rows.length > query.limit && last !== undefined ? writeAfter(last) : null
      return ok({ data: toWire(data), next_cursor: next })
    },
  }),
]

type After = { collectionId: string; upstreamId: string }

function writeAfter({ collectionId, upstreamId }: After): string {
  return `q${Buffer.from(`${collectionId}\n${upstreamId}`).toString('base64url')}`
}

/** Every text is a place between two rows, so nothing that has a cursor's form can be wrong. */
function readAfter(cursor: string): After {
  const text = Buffer.from(cursor.slice(1), 'base64url').toString('utf8').replaceAll('\0', '')
  const [collectionId = '', ...rest] = text.split('\n')
  return { collectionId, upstreamId: rest.join('\n') }
}
