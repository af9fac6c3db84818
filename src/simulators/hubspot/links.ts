/** Associations, each known from both sides. */
export type Links = {
  /** Ids of the association types between two records, seen from the first; empty: none. */
  of(from: Place, to: Place): readonly number[]
  /** Associated ids of a type with their association types, by id ascending. */
  to(from: Place, toType: string): [id: string, typeIds: readonly number[]][]
  set(from: Place, to: Place, typeIds: readonly number[]): void
  /** Every association that the record has, as places. */
  all(from: Place): Place[]
  entries(): Iterable<[from: Place, to: Place, typeIds: readonly number[]]>
}

/** Type and id of a record. */
export type Place = readonly [type: string, id: string]

export function createLinks(): Links {
  const links = new Map<string, Map<string, Map<string, readonly number[]>>>()
  const key = ([type, id]: Place) => `${type}/${id}`
  return {
    of: (from, [toType, toId]) => links.get(key(from))?.get(toType)?.get(toId) ?? [],
    to: (from, toType) =>
      [...(links.get(key(from))?.get(toType) ?? [])].sort(([a], [b]) => Number(a) - Number(b)),
    set: (from, [toType, toId], typeIds) => {
      let byType = links.get(key(from))
      if (byType === undefined) links.set(key(from), (byType = new Map()))
      let byId = byType.get(toType)
      if (byId === undefined) byType.set(toType, (byId = new Map()))
      if (typeIds.length > 0) byId.set(toId, typeIds)
      else byId.delete(toId)
      if (byId.size === 0) byType.delete(toType)
      if (byType.size === 0) links.delete(key(from))
    },
    all: (from) =>
      [...(links.get(key(from)) ?? [])].flatMap(([type, byId]) =>
        [...byId.keys()].map((id): Place => [type, id]),
      ),
    *entries() {
      for (const [fromKey, byType] of links) {
        const cut = fromKey.lastIndexOf('/')
        const from: Place = [fromKey.slice(0, cut), fromKey.slice(cut + 1)]
        for (const [type, byId] of byType) {
          for (const [id, typeIds] of byId) yield [from, [type, id], typeIds]
        }
      }
    },
  }
}
