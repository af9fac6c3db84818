import type { ControlRoutes } from '../kit/control.ts'
import type { Account } from './account.ts'
import type { Collection, Fields } from './objects.ts'
import { childrenOf, collections, isCollection } from './objects.ts'
import type { StripeSimulator } from './simulator.ts'

/** What a simulator in another process can be asked under `/_sim`. */
export function controlRoutes(simulator: StripeSimulator, account: Account): ControlRoutes {
  return {
    'GET /': () => ({
      account: account.id,
      livemode: account.livemode,
      counts: counts(account),
      rate: simulator.rate,
      settings: account.settings,
    }),
    'GET /keys': () => ({ secret: simulator.keys.secret, live: simulator.keys.list() }),
    'POST /keys': ({ without }) => ({
      key: simulator.keys.restricted(Array.isArray(without) ? without.map(String) : []),
    }),
    'PUT /keys': ({ key, without, revoked }) => {
      if (Array.isArray(without)) simulator.keys.permit(String(key), without.map(String))
      if (revoked === true) simulator.keys.revoke(String(key))
      if (revoked === false) simulator.keys.restore(String(key))
    },
    'PUT /settings': (body) => Object.assign(account.settings, body),
    'GET /snapshot': (_body, query) => {
      const only = query.get('collection')
      if (only === 'webhook_endpoint') return simulator.snapshot(only)
      return simulator.snapshot(only === null ? undefined : named(only))
    },
    'POST /create': ({ collection, fields }) =>
      simulator.create(named(collection), (fields ?? {}) as Fields),
    'POST /update': ({ collection, id, fields }) =>
      simulator.update(named(collection), String(id), (fields ?? {}) as Fields),
    'POST /remove': ({ collection, id, silently }) =>
      simulator.remove(named(collection), String(id), { silently: silently === true }),
    'POST /seed': ({ total }) => {
      simulator.seedAccount(Number(total))
      return { counts: counts(account) }
    },
    'PUT /live': (body) => {
      const rate = Number(body.rate)
      if (!(rate >= 0 && rate <= 1000))
        throw new Error('rate is a number of changes per second, 0 to 1000')
      simulator.live(rate)
      return { rate }
    },
  }
}

function named(name: unknown): Collection {
  if (!isCollection(name)) throw new Error(`collection is one of ${collections.join(', ')}`)
  return name
}

function counts(account: Account): Record<string, number> {
  const sizes = Object.entries(account.tables).map(([name, table]) => [name, table.size] as const)
  const items = account.tables.subscription.rows().map(({ value }) => childrenOf(value).length)
  return {
    ...Object.fromEntries(sizes),
    subscription_item: items.reduce((sum, count) => sum + count, 0),
    event: account.events.size,
  }
}
