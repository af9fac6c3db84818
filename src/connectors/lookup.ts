import type { Collection, Connector, Feed } from './connector.ts'

/** The collection of that name, also one that only some accounts have; null: there is none. */
export function collectionNamed(
  connector: Pick<Connector, 'collections' | 'dynamic'>,
  name: string,
): Collection | null {
  if (Object.hasOwn(connector.collections, name)) return connector.collections[name]!
  return connector.dynamic?.collection(name) ?? null
}

export function feedNamed(
  connector: Pick<Connector, 'feeds' | 'dynamic'>,
  name: string,
): Feed | null {
  if (Object.hasOwn(connector.feeds, name)) return connector.feeds[name]!
  return connector.dynamic?.feed(name) ?? null
}
