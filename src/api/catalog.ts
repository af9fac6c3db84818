import { z } from 'zod'
import type { Collection, Connector, CredentialKind } from '../connectors/connector.ts'
import type { Access } from '../credentials/access.ts'
import { collectionNamed } from '../connectors/lookup.ts'
import { collectionId, collectionName } from '../domain/sync.ts'
import { getSealedCredential } from '../store/credentials.ts'
import type { ApiDeps } from './deps.ts'
import { invalid } from './input.ts'
import { nearest } from '../domain/nearest.ts'

/** How a secret looks in an answer. */
export const masked = '***********'

/** The connector of a provider that a body names, or a 422 with the nearest and all. */
export function connectorOf(deps: ApiDeps, provider: string): Connector {
  const connector = Object.hasOwn(deps.connectors, provider) ? deps.connectors[provider] : undefined
  if (connector !== undefined) return connector
  throw invalid({ provider: [unknown('provider', provider, Object.keys(deps.connectors))] })
}

/** A credential kind of any provider, with the connector that has it. */
export function kindOf(
  deps: ApiDeps,
  kind: string,
  provider: string | null,
  field: string,
): { connector: Connector; kind: CredentialKind } {
  const connectors =
    provider === null ? Object.values(deps.connectors) : [connectorOf(deps, provider)]
  for (const connector of connectors) {
    const found = connector.credentialKinds.find((candidate) => candidate.kind === kind)
    if (found !== undefined) return { connector, kind: found }
  }
  const known = connectors.flatMap((connector) => connector.credentialKinds.map((one) => one.kind))
  throw invalid({
    [field]: [
      unknown(
        provider === null ? 'credential kind' : `credential kind of ${provider}`,
        kind,
        known,
      ),
    ],
  })
}

/** Ids of collections that the provider has, or a 422 that names the nearest of each that it has not. */
export function checkCollections(
  connector: Connector,
  ids: string[],
  discovered: string[] = [],
): string[] {
  const known = [...collectionIdsOf(connector), ...discovered]
  const fields: Record<string, string[]> = {}
  for (const [at, id] of ids.entries()) {
    if (!known.includes(id))
      fields[`collection_ids.${at}`] = [unknown(`collection of ${connector.provider}`, id, known)]
  }
  if (Object.keys(fields).length > 0) throw invalid(fields)
  return [...new Set(ids)]
}

/** The same, where the account may have collections of its own: it is asked, if need be. */
export async function checkCollectionsOf(
  { deps, tenantId, signal }: { deps: ApiDeps; tenantId: string; signal(): AbortSignal },
  credential: { id: string; provider: string },
  ids: string[],
): Promise<string[]> {
  const connector = connectorOf(deps, credential.provider)
  const known = collectionIdsOf(connector)
  if (connector.dynamic === undefined || ids.every((id) => known.includes(id)))
    return checkCollections(connector, ids)
  const row = await getSealedCredential(deps.db, tenantId, credential.id)
  const found = await deps.discover({ connector, credential: row, signal: signal() })
  const discovered = found.map(({ name }) => collectionId(connector.provider, name))
  return checkCollections(connector, ids, discovered)
}

/** Before there is a credential to ask with: what no account can have. */
export function precheckCollections(connector: Connector, ids: string[]): void {
  const known = collectionIdsOf(connector)
  const mayBe = ids.filter(
    (id) => !known.includes(id) && collectionNamed(connector, collectionName(id)) !== null,
  )
  checkCollections(connector, ids, mayBe)
}

function unknown(noun: string, name: string, known: string[]): string {
  const hint = nearest(name, known)
  const shown = known.slice(0, namesShown).map((one) => `\`${one}\``)
  const rest =
    known.length > namesShown ? ` and ${known.length - namesShown} more (GET /v1/providers)` : ''
  const end = hint === null ? `known are ${shown.join(', ')}${rest}` : `did you mean \`${hint}\`?`
  return `is no ${noun}; ${end}`
}

/** Of what is known, in a refusal. */
const namesShown = 20

export function collectionIdsOf(connector: Connector): string[] {
  return Object.keys(connector.collections).map((name) => collectionId(connector.provider, name))
}

/** A collection as a credential sees it. */
export function shownCollection(
  connector: Connector,
  name: string,
  collection: Collection,
  access: Access,
) {
  const { feed, relist } = collection.refresh
  const id = collectionId(connector.provider, name)
  return {
    id,
    upstream_id: name,
    name: collection.title,
    links: [],
    fields: collection.fields.map((field) => ({
      id: `${id}:${field.accessor}`,
      name: field.name,
      accessor: field.accessor,
      type: field.type,
      primary_key: field.primaryKey === true,
      metadata: {},
    })),
    capabilities: {
      backfill: collection.ranges ? ('ranges' as const) : ('whole' as const),
      changes: feed ? ('feed' as const) : relist ? ('relist' as const) : ('comparison' as const),
      relist_every: relist ? relist.everyMs / 1_000 : null,
      compare_every: collection.enumerateEveryMs / 1_000,
      deletes: collection.deletes,
    },
    access,
  }
}

export function shownProvider(connector: Connector) {
  return {
    id: connector.provider,
    name: connector.title,
    collection_ids: collectionIdsOf(connector),
    webhooks: connector.webhooks !== undefined,
    credential_kinds: connector.credentialKinds.map((kind) => ({
      kind: kind.kind,
      name: kind.title,
      schema: propertiesSchema(kind),
      secrets: kind.secrets,
    })),
    rate_limits: connector.limits.map((limit) => ({
      bucket: limit.bucket,
      allowed_requests: limit.allowed,
      interval: limit.intervalMs / 1000,
      max_concurrent_requests: limit.maxConcurrent ?? 0,
      livemode: limit.livemode ?? null,
    })),
  }
}

/** JSON Schema of a kind's properties, `base_url` included. */
function propertiesSchema(kind: CredentialKind): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(kind.properties, { io: 'input' })
  const properties = { ...(schema.properties as object), base_url: baseUrlSchema }
  return { ...schema, properties, additionalProperties: false }
}

const baseUrlSchema = {
  type: 'string',
  format: 'uri',
  description: 'Another host than the own one of the provider, where the operator allows it.',
}
