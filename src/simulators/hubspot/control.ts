import type { ControlRoutes } from '../kit/control.ts'
import type { Writes } from './change.ts'
import { addPipelineFrom } from './pipelines.ts'
import type { Portal } from './portal.ts'
import { typeOf } from './seed.ts'
import type { HubspotSimulator } from './simulator.ts'
import type { Fields } from './objectTypes.ts'
import { developerKey } from './webhookManagement.ts'

type Body = Record<string, unknown>

/** What a simulator in another process can be asked under `/_sim`. */
export function controlRoutes(simulator: HubspotSimulator, portal: Portal): ControlRoutes {
  const { keys } = simulator
  return {
    ...recordRoutes(simulator),
    ...portalRoutes(simulator, portal),
    'GET /': () => ({
      account: portal.id,
      counts: counts(portal),
      rate: simulator.rate,
      settings: portal.settings,
    }),
    'GET /keys': () => ({
      secret: keys.secret,
      live: keys.list(),
      oauth: keys.oauth,
      developer_key: developerKey,
    }),
    'POST /keys': ({ without, kind }) => {
      const names = Array.isArray(without) ? without.map(String) : []
      if (kind === 'refresh') return { key: keys.install(names) }
      return { key: kind === 'code' ? keys.code(names) : keys.restricted(names) }
    },
    'PUT /keys': ({ key, revoked, expired }) => {
      if (revoked === true) keys.revoke(text(key))
      if (revoked === false) keys.restore(text(key))
      if (expired === true) keys.expire(text(key))
    },
    'POST /tokens': ({ refresh_token: token }) => ({
      access_token: keys.accessToken(token === undefined ? undefined : text(token)),
    }),
    'PUT /settings': (body) => Object.assign(portal.settings, body),
    'GET /snapshot': (_body, query) => simulator.snapshot(query.get('collection') ?? undefined),
    'GET /fates': (_body, query) => simulator.fates(query.get('collection') ?? ''),
    'POST /expire-cursors': () => simulator.expireCursors(),
    'POST /seed': ({ total }) => {
      simulator.seedAccount(Number(total))
      return { counts: counts(portal) }
    },
    'POST /seed-minute': ({ collection, count }) => {
      simulator.seedMinute(text(collection), Number(count))
      return { counts: counts(portal) }
    },
    'PUT /live': (body) => {
      const rate = Number(body.rate)
      if (!(rate >= 0 && rate <= 1000)) {
        throw new Error('rate is a number of changes per second, 0 to 1000')
      }
      simulator.live(rate)
      return { rate }
    },
  }
}

function recordRoutes(simulator: HubspotSimulator): ControlRoutes {
  const of = ({ collection, id }: Body) => [text(collection), text(id)] as const
  const fields = (body: Body) => (body.fields ?? {}) as Writes
  const ends = (body: Body) =>
    [text(body.from), text(body.from_id), text(body.to), text(body.to_id)] as const
  return {
    'POST /create': (body) => simulator.create(text(body.collection), fields(body)),
    'POST /update': (body) => simulator.update(...of(body), fields(body)),
    'POST /recalculate': (body) => simulator.recalculate(...of(body), fields(body)),
    'POST /archive': (body) => simulator.archive(...of(body)),
    'POST /restore': (body) => simulator.restore(...of(body)),
    'POST /merge': (body) => simulator.merge(...of(body), text(body.other)),
    'POST /gdpr-delete': (body) => simulator.gdprDelete(...of(body)),
    'POST /associate': (body) =>
      simulator.associate(...ends(body), body.label === undefined ? undefined : text(body.label)),
    'POST /dissociate': (body) => simulator.dissociate(...ends(body)),
  }
}

function portalRoutes(simulator: HubspotSimulator, portal: Portal): ControlRoutes {
  return {
    'POST /properties': ({ collection, ...property }) =>
      simulator.addProperty(text(collection), property as Fields & { name: string }),
    'POST /schemas': (body) => simulator.addSchema(body as Fields & { name: string }),
    'POST /owners': (body) => simulator.addOwner(body as Fields),
    'PUT /owners': ({ id, archived, ...fields }) =>
      archived === true
        ? simulator.archiveOwner(text(id))
        : simulator.updateOwner(text(id), fields as Fields),
    'POST /pipelines': ({ collection, ...pipeline }) =>
      addPipelineFrom(portal, typeOf(portal, text(collection)), pipeline as Fields),
    'POST /lists': (body) => simulator.addList(body as Fields),
    'POST /members': ({ list_id: listId, id }) => simulator.joinList(text(listId), text(id)),
    'DELETE /members': ({ list_id: listId, id }) => simulator.leaveList(text(listId), text(id)),
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new Error('a field is missing or is no text')
}

function counts(portal: Portal): Record<string, number> {
  return Object.fromEntries(
    portal.types().map((type) => [type.name, portal.table(type).live().length]),
  )
}
