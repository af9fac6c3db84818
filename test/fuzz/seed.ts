import type { Stack } from './stack.ts'

export type Seeded = {
  /** The operator's key, for tenants too. */
  key: string
  /** An admin key of another tenant. */
  foreignKey: string
  /** Objects that are not of the foreign tenant, by the path that they are under. */
  ids: Record<string, string>
  /** What a body must name to be true. */
  truth: { provider: string; properties: object; collection_ids: string[] }
}

const provider = 'stripe'
const collectionIds = ['stripe:customer', 'stripe:product']

/** An object of each kind, and another tenant that must see none of them. */
export async function seed({ url, operatorKey, upstream }: Stack): Promise<Seeded> {
  async function make(path: string, body: object): Promise<{ id: string; key: string } & Sync> {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok)
      throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as { id: string; key: string } & Sync
  }
  const tenant = await make('/v1/tenants', { name: 'foreign' })
  const { key: foreignKey } = await make('/v1/api-keys', { name: 'fuzz', tenant_id: tenant.id })
  const properties = { kind: 'stripe_key', ...upstream }
  const sync = await make('/v1/syncs', {
    collection_ids: collectionIds,
    credential: { properties },
  })
  const consumer = await make('/v1/http-consumers', { name: 'fuzz' })
  const key = await make('/v1/api-keys', { name: 'second' })
  const app = await make('/v1/oauth-apps', {
    provider,
    name: 'app',
    client_id: 'c',
    client_secret: 's',
  })
  return {
    key: operatorKey,
    foreignKey,
    ids: {
      streams: sync.stream_id,
      syncs: sync.id,
      credentials: sync.credential_id,
      collections: sync.credential_id,
      'http-consumers': consumer.id,
      'oauth-apps': app.id,
      'api-keys': key.id,
    },
    truth: { provider, properties, collection_ids: collectionIds },
  }
}

type Sync = { stream_id: string; credential_id: string }
