import { Hono } from 'hono'
import { AppError } from '../domain/error.ts'
import { createCallers } from './callers.ts'
import type { ApiDeps, AppDeps } from './deps.ts'
import { grouped } from './grouped.ts'
import { createDirect } from './direct.ts'
import type { Direct } from './direct.ts'
import { createKeyLimit, keyRequestsPerSecond } from './keyLimit.ts'
import { HonoRequest, honoResponse } from './request.ts'
import type { ApiRequest } from './request.ts'
import type { Route } from './route.ts'
import { routes } from './routes.ts'
import { failed, run } from './run.ts'
import { createSyncReads } from './sync.ts'

const pingEveryMs = 1000

/** `direct`: the way past Hono for the server (server.ts). */
export type App = Hono & { direct: Direct }

/** The HTTP API: every route of routes.ts, and a problem for everything else. */
export function createApp(
  given: ApiDeps,
  options: { requestsPerSecond?: number; timeoutMs?: number } = {},
): App {
  const deps: AppDeps = {
    ...given,
    syncs: { ...given.syncs, ping: seldom(() => given.syncs.ping(), given.now) },
    syncReads: createSyncReads(given),
  }
  const limits = {
    callers: createCallers(deps.db, deps.write),
    key: createKeyLimit(options.requestsPerSecond ?? keyRequestsPerSecond),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  }
  const answer = (route: Route, request: ApiRequest) => run(deps, limits, route, request)
  const app = new Hono()
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), async (context) => {
      if (route.takes === true && context.req.method === 'HEAD') return await context.notFound()
      return honoResponse(await answer(route, new HonoRequest(context)))
    })
  }
  app.notFound((context) => {
    const methods = methodsAt(context.req.path)
    if (methods.length === 0) {
      const error = new AppError(
        'not_found',
        'There is nothing at this path. All paths are at /docs.',
      )
      return honoResponse(failed(deps, error, new HonoRequest(context)))
    }
    const allow = methods.join(', ')
    const error = new AppError('invalid', `This path knows ${allow}.`, {
      code: 'method-not-allowed',
    })
    const response = failed(deps, error, new HonoRequest(context))
    return honoResponse({ ...response, headers: { ...response.headers, Allow: allow } })
  })
  app.onError((error, context) => honoResponse(failed(deps, error, new HonoRequest(context))))
  return Object.assign(app, { direct: createDirect(routes, answer) })
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

const patterns = grouped(routes, (route) => route.path)

function methodsAt(path: string): string[] {
  const found: Route[] = [...patterns.entries()]
    .filter(([pattern]) =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
    )
    .flatMap(([, at]) => at)
  const methods = found.flatMap((route) =>
    route.method === 'GET' && route.takes !== true ? ['GET', 'HEAD'] : [route.method],
  )
  return [...new Set(methods)].sort()
}

/** Once a second says enough; a failure is never remembered. */
function seldom(ping: () => Promise<void>, now: () => number): () => Promise<void> {
  let goodUntil = 0
  return async () => {
    if (now() < goodUntil) return
    await ping()
    goodUntil = now() + pingEveryMs
  }
}
