import type { Stack } from './stack.ts'

/** A sync of the portal that stands at the stack's upstream; no names: of all collections that the connector lists. Its id. */
export async function portalSync(
  stack: Stack,
  { names, ...fields }: { names: string[]; rate_limit?: object },
): Promise<string> {
  const { data } = await stack.api('GET', '/v1/providers')
  const all = data.find((one: { id: string }) => one.id === 'hubspot').collection_ids
  const { id } = await stack.api('POST', '/v1/syncs', {
    provider: 'hubspot',
    credential: {
      properties: {
        kind: 'hubspot_private_app',
        access_token: stack.simulatorKey,
        base_url: stack.simulatorUrl,
      },
    },
    collection_ids: names.length === 0 ? all : names.map((name) => `hubspot:${name}`),
    ...fields,
  })
  return id
}
