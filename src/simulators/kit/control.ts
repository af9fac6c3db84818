import type { FaultRule, Faults } from './faults.ts'
import { faultKinds } from './faults.ts'
import type { RequestLog } from './log.ts'
import type { SimAnswer, SimRequest } from './serve.ts'

/** What a simulator in another process can be asked, beyond faults and log: each route takes the parsed body. */
export type ControlRoutes = Record<
  string,
  (body: Record<string, unknown>, query: URLSearchParams) => unknown
>

/**
 * Routes of the remote control, keyed like `PUT /live`, all under `/_sim`. Every simulator has:
 * `GET|PUT|POST|DELETE /faults` (PUT: an array of rules in place of all; POST: one more), `GET|DELETE /log` (`?since=ms`).
 */
export function createControl(
  faults: Faults,
  log: RequestLog,
  routes: ControlRoutes,
): (request: SimRequest) => SimAnswer {
  const all: ControlRoutes = {
    'GET /faults': () => ({ faults: faults.list() }),
    'PUT /faults': (body) => {
      const rules = Array.isArray(body) ? body : body['faults']
      if (!Array.isArray(rules)) throw new Error('send an array of rules')
      const checked = rules.map(checkRule)
      faults.clear()
      for (const rule of checked) faults.add(rule)
      return { faults: faults.list() }
    },
    'POST /faults': (body) => {
      faults.add(checkRule(body))
      return { faults: faults.list() }
    },
    'DELETE /faults': () => {
      faults.clear()
      return { faults: [] }
    },
    'GET /log': (_body, query) => {
      const since = Number(query.get('since') ?? 0)
      return { log: log.entries.filter((entry) => entry.at >= since) }
    },
    'DELETE /log': () => {
      log.clear()
      return { log: [] }
    },
    ...routes,
  }
  return (request) => {
    const route = all[`${request.method} ${request.path.slice('/_sim'.length) || '/'}`]
    if (route === undefined)
      return json(404, { error: `no route; there are ${Object.keys(all).join(', ')}` })
    try {
      const body = request.body === '' ? {} : (JSON.parse(request.body) as Record<string, unknown>)
      return json(200, route(body, new URLSearchParams(request.query)) ?? {})
    } catch (error) {
      return json(400, { error: error instanceof Error ? error.message : 'failed' })
    }
  }
}

function checkRule(rule: unknown): FaultRule {
  const kind = (rule as FaultRule | null)?.kind
  if (kind === undefined || !faultKinds.includes(kind)) {
    throw new Error(`kind of a fault is one of ${faultKinds.join(', ')}`)
  }
  return rule as FaultRule
}

function json(status: number, value: unknown): SimAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}
