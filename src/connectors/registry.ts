import { nearest } from '../domain/nearest.ts'
import { AppError } from '../domain/error.ts'
import type { Collection, Connector } from './connector.ts'
import { hubspot } from './hubspot/index.ts'
import { stripe } from './stripe/index.ts'

const NAMES_SHOWN = 20

/** Every connector there is: the only list. */
export const connectors: readonly Connector[] = [stripe, hubspot]

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
  const more = known.length > NAMES_SHOWN ? ` and ${known.length - NAMES_SHOWN} more` : ''
  const advice =
    near === null
      ? `There are: ${known.slice(0, NAMES_SHOWN).join(', ')}${more}.`
      : `Did you mean \`${near}\`?`
  return new AppError('invalid', `There is no ${what} \`${given.slice(0, 80)}\`. ${advice}`)
}
