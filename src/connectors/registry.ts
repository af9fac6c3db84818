import { AppError } from '../domain/error.ts'
import type { Collection, Connector } from './connector.ts'
import { stripe } from './stripe/index.ts'

/** Every connector there is: the only list. */
export const connectors: readonly Connector[] = [stripe]

/** The connector of a provider. Throws `invalid`, naming the nearest. */
export function connectorOf(provider: string): Connector {
  const found = connectors.find((connector) => connector.provider === provider)
  if (found) return found
  throw unknown(
    'provider',
    provider,
    connectors.map((connector) => connector.provider),
  )
}

/** A collection by its global id, `stripe:customer`. Throws `invalid`, naming the nearest. */
export function collectionOf(collectionId: string): {
  connector: Connector
  name: string
  collection: Collection
} {
  const [provider = '', name = ''] = collectionId.split(':', 2)
  const connector = connectorOf(provider)
  const collection = Object.hasOwn(connector.collections, name) ? connector.collections[name] : null
  if (collection) return { connector, name, collection }
  const ids = Object.keys(connector.collections).map((known) => `${provider}:${known}`)
  throw unknown('collection', collectionId, ids)
}

function unknown(what: string, given: string, known: string[]): AppError {
  const near = nearest(given, known)
  const advice = near === null ? `There are: ${known.join(', ')}.` : `Did you mean \`${near}\`?`
  return new AppError('invalid', `There is no ${what} \`${given.slice(0, 80)}\`. ${advice}`)
}

/** The known name with the fewest letters to change, if that is no more than a third of it. */
function nearest(given: string, known: string[]): string | null {
  let best: { name: string; distance: number } | null = null
  for (const name of known) {
    const distance = editDistance(given.toLowerCase().slice(0, 80), name)
    if (distance <= name.length / 3 && (!best || distance < best.distance))
      best = { name, distance }
  }
  return best?.name ?? null
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + same)
    }
    row = next
  }
  return row[b.length]!
}
