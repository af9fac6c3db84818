import type { Collection } from '../../connectors/connector.ts'
import { AppError, isAppError } from '../../domain/error.ts'
import { collectionId, collectionName } from '../../domain/sync.ts'
import { getSealedCredential } from '../../store/credentials.ts'
import { shownCollection, shownProvider } from '../catalog.ts'
import { nearest } from '../../domain/nearest.ts'
import type { Route } from '../route.ts'
import { ok, route } from '../route.ts'
import * as schemas from '../schemas/catalog.ts'
import { connectorOfCredential } from '../credential.ts'

const tag = 'Providers and collections'

export const providerRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/providers',
    operation: 'listProviders',
    summary: 'List providers',
    description:
      'What each can do, its credential kinds with their JSON schemas, its default rate limits.',
    tag,
    right: 'read',
    answers: { 200: { description: 'All providers.', schema: schemas.providerList } },
    problems: [],
    async handle({ deps }) {
      return ok({ data: Object.values(deps.connectors).map(shownProvider), next_cursor: null })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/collections/{credential_id}',
    operation: 'listCollections',
    summary: 'List the collections of a credential',
    description:
      'What this credential can sync, with fields, how changes and deletes of each are seen, and what it may not read and why: the provider is asked with one small request a collection, and the answers are kept for ten minutes.',
    tag,
    right: 'read',
    query: schemas.collectionQuery,
    answers: { 200: { description: 'All collections.', schema: schemas.collectionList } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, signal }) {
      const credential = await getSealedCredential(deps.db, tenantId, params.credential_id)
      const connector = connectorOfCredential(deps, credential)
      const found = await deps
        .discover({ connector, credential, signal: signal() })
        .catch(withoutThem)
      const all = { ...connector.collections, ...byName(found) }
      const names = Object.keys(all)
      const access = await deps.access({ connector, credential, names, signal: signal() })
      const data = names.map((name) =>
        shownCollection(connector, name, all[name]!, access.get(name)!),
      )
      return ok({ data, next_cursor: null })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/collections/{credential_id}/{collection_id}',
    operation: 'getCollection',
    summary: 'Get a collection of a credential',
    tag,
    right: 'read',
    query: schemas.collectionQuery,
    answers: { 200: { description: 'The collection.', schema: schemas.collection } },
    problems: ['not-found'],
    async handle({ deps, tenantId, params, signal }) {
      const credential = await getSealedCredential(deps.db, tenantId, params.credential_id)
      const connector = connectorOfCredential(deps, credential)
      const asked = collectionName(params.collection_id)
      const found = Object.hasOwn(connector.collections, asked)
        ? []
        : await deps.discover({ connector, credential, signal: signal() })
      const all = { ...connector.collections, ...byName(found) }
      const known = Object.keys(all).map((name) => collectionId(connector.provider, name))
      if (!known.includes(params.collection_id)) {
        const hint = nearest(params.collection_id, known)
        throw new AppError(
          'not_found',
          `${connector.title} has no such collection.${hint === null ? '' : ` Did you mean \`${hint}\`?`}`,
        )
      }
      const name = collectionName(params.collection_id)
      const access = await deps.access({ connector, credential, names: [name], signal: signal() })
      return ok(shownCollection(connector, name, all[name]!, access.get(name)!))
    },
  }),
]

function byName(found: { name: string; title: string; collection: Collection }[]) {
  return Object.fromEntries(
    found.map(({ name, title, collection }) => [name, { ...collection, title }]),
  )
}

/** The provider does not answer: what it always has is shown all the same. */
function withoutThem(error: unknown): [] {
  if (isAppError(error)) return []
  throw error
}
