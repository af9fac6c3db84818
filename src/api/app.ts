import { Hono } from 'hono'
import { AppError } from '../domain/error.ts'
import { createCallers } from './callers.ts'
import type { ApiDeps, AppDeps } from './deps.ts'
import { grouped } from './grouped.ts'
import { createKeyLimit, keyRequestsPerSecond } from './keyLimit.ts'
import type { Route } from './route.ts'
import { routes } from './routes.ts'
import { failed, run } from './run.ts'
import { createSyncReads } from './sync.ts'

const pingEveryMs = 1000

/** The HTTP API: every route of routes.ts, and a problem for everything else. */
export function createApp(
  given: ApiDeps,
  options: { requestsPerSecond?: number; timeoutMs?: number } = {},
): Hono {
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
  const app = new Hono()
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), (context) => run(deps, limits, route, context))
  }
  app.notFound((context) => {
    const methods = methodsAt(context.req.path)
    if (methods.length === 0) {
      return failed(
        deps,
        new AppError('not_found', 'There is nothing at this path. All paths are at /docs.'),
        context,
      )
    }
    const allow = methods.join(', ')
    const error = new AppError('invalid', `This path knows ${allow}.`, {
      code: 'method-not-allowed',
    })
    const response = failed(deps, error, context)
    response.headers.set('Allow', allow)
    return response
  })
  app.onError((error, context) => failed(deps, error, context))
  return app
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
  const methods = found.map((route) => route.method as string)
  return [...new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods)].sort()
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
