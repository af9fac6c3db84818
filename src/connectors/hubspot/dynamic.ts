import type { Collection, Connector, Context, Feed } from '../connector.ts'
import { asObject, asText, readItems, readObject, type Item } from '../kit/answer.ts'
import { associationCollection } from './associations.ts'
import { objectFeed } from './feed.ts'
import { objectCollection } from './objects.ts'
import { pairName, pairOf, titleOf } from './pairs.ts'
import { customType, isCustomName } from './objectTypes.ts'

/**
 * Custom objects, and the associations that their schemas name. Their names hold all that a request needs, so a collection
 * is made from its name alone; discovery is for finding the names.
 */
export const dynamic: NonNullable<Connector['dynamic']> = {
  async discover(ctx) {
    const schemas = await schemasOf(ctx)
    const names = new Map(
      schemas.map(({ value }) => [asText(value['objectTypeId']), nameOf(value)]),
    )
    return schemas.flatMap(({ value }) => {
      const name = nameOf(value)
      if (name === null) return []
      const labels = asObject(value['labels'])
      const title = asText(labels?.['plural']) ?? titleOf(name)
      const own = { name, title, collection: named(name)! }
      return [own, ...pairsOf(value, name, names)]
    })
  },
  collection: named,
  feed: (name): Feed | null => (isCustomName(name) ? objectFeed(customType(name)) : null),
}

function named(name: string): Collection | null {
  // a pair first: `p1_cars_to_contacts` would pass for an object, too
  const pair = pairOf(name)
  if (pair !== null) return associationCollection(pair[0], pair[1], titleOfPair(pair))
  return isCustomName(name) ? objectCollection(customType(name)) : null
}

export function titleOfPair([from, to]: [string, string]): string {
  return `${titleOf(from)} to ${titleOf(to).toLowerCase()}`
}

/** Accounts without custom objects answer 403, which means none. */
async function schemasOf(ctx: Context): Promise<Item[]> {
  const answer = await ctx.request({
    path: '/crm/v3/schemas',
    query: [['archived', 'false']],
    accept: [403],
  })
  return answer.status === 200 ? readItems(readObject(answer), 'results') : []
}

function nameOf(schema: Record<string, unknown>): string | null {
  const name = asText(schema['fullyQualifiedName'])
  return name !== null && isCustomName(name) ? name : null
}

/** Each pair once, the custom object first. */
function pairsOf(
  schema: Record<string, unknown>,
  name: string,
  names: Map<string | null, string | null>,
) {
  const given = Array.isArray(schema['associations']) ? (schema['associations'] as unknown[]) : []
  const ends = given.flatMap((one) => {
    const association = asObject(one)
    const ids = [association?.['fromObjectTypeId'], association?.['toObjectTypeId']]
    return ids.flatMap((id) => typeNames[String(id)] ?? names.get(asText(id)) ?? [])
  })
  const others = [...new Set(ends)].filter((end) => end !== name)
  return others.map((other) => {
    const pair: [string, string] = [name, other]
    return { name: pairName(pair), title: titleOfPair(pair), collection: named(pairName(pair))! }
  })
}

/** HubSpot: "Object type IDs". */
export const typeNames: Record<string, string> = {
  '0-1': 'contacts',
  '0-2': 'companies',
  '0-3': 'deals',
  '0-5': 'tickets',
  '0-7': 'products',
  '0-8': 'line_items',
  '0-14': 'quotes',
  '0-136': 'leads',
  '0-48': 'calls',
  '0-49': 'emails',
  '0-47': 'meetings',
  '0-46': 'notes',
  '0-27': 'tasks',
  '0-18': 'communications',
}
