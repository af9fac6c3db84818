import type { Connector, Context, Limit, UpstreamAnswer, UpstreamRequest } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { broken, classify } from './classify.ts'
import type { Http, HttpAnswer } from './http.ts'
import type { Grant, Priority, Quota } from './quota.ts'
import type { SyncAt } from './take.ts'

export type RequesterDeps = {
  http: Http
  quota: Quota
  connector: Pick<Connector, 'title' | 'classify'>
  /** `id` null: not stored yet, then there is no ledger to pay from. `headers` authenticate; secrets stay in its closure. */
  credential: { id: string | null; baseUrl: string; headers(): Promise<Record<string, string>> }
  /** Of effectiveLimits. */
  limits: Limit[]
  sync: SyncAt | null
  priority: Priority
  signal: AbortSignal
  /** Told after each request that was sent. */
  onRequest?: (request: { outcome: string; ms: number }) => void
}

/** Assumed where a 429 does not say how long: the ledger slows down besides. */
const WAIT_UNTOLD_MS = 1_000
const USER_AGENT = 'sluice (+https://github.com/sluice-sync/sluice)'

/**
 * `ctx.request` of a connector: takes quota, authenticates, sends once, reads, classifies. No retries here (Temporal's), no
 * redirects (they would carry the credential elsewhere). Errors are in our own words: neither the provider's text nor a query.
 */
export function createRequester(deps: RequesterDeps): Context['request'] {
  return async (request) => {
    const url = urlOf(deps, request)
    const grant = await start(deps, request)
    const started = performance.now()
    let outcome = 'broken'
    try {
      const answer = await send(deps, request, url)
      outcome = `${Math.floor(answer.status / 100)}xx`
      return await judge(deps, request, answer, grant.observedAt)
    } finally {
      grant.release()
      deps.onRequest?.({ outcome, ms: performance.now() - started })
    }
  }
}

/** A grant says that the sync was active a moment ago; one that was not used at once is dropped and taken anew (G8). */
async function start(deps: RequesterDeps, request: UpstreamRequest): Promise<Grant> {
  for (;;) {
    const grant = await deps.quota.take({
      credentialId: deps.credential.id,
      sync: deps.sync,
      limits: deps.limits,
      bucket: request.bucket ?? null,
      priority: deps.priority,
      signal: deps.signal,
    })
    if (grant.usable()) return grant
    grant.release()
  }
}

async function send(deps: RequesterDeps, request: UpstreamRequest, url: URL): Promise<HttpAnswer> {
  try {
    return await deps.http.send({
      url,
      method: request.method ?? 'GET',
      headers: {
        accept: 'application/json',
        'user-agent': USER_AGENT,
        ...request.headers,
        ...(await deps.credential.headers()),
      },
      body: request.body ?? null,
      signal: deps.signal,
    })
  } catch (error) {
    if (deps.signal.aborted) throw new AppError('stopped', 'The work was stopped while a request was under way.')
    const failure = broken(deps.connector.title, url.pathname, error)
    const writes = request.method !== undefined && request.method !== 'GET'
    if (!writes || failure.kind !== 'transient') throw failure
    throw new AppError('indeterminate', `${deps.connector.title} did not answer a write; whether it happened is not known.`)
  }
}

async function judge(
  deps: RequesterDeps,
  request: UpstreamRequest,
  { status, headers, body }: HttpAnswer,
  observedAt: string,
): Promise<UpstreamAnswer> {
  const title = deps.connector.title
  if ((status >= 200 && status < 300) || request.accept?.includes(status) === true) {
    if (body !== '' && !isJson(body)) throw unreadable(title, request.path)
    return { status, headers, body, observedAt }
  }
  const path = request.path.split('?')[0]!
  const known = classify(deps.connector, { status, headers, body, path }, Date.now())
  if (known.kind !== 'rate_limited') throw new AppError(known.kind, known.message, retry(known.retryAfterMs))
  const waitMs = known.retryAfterMs ?? WAIT_UNTOLD_MS
  if (deps.credential.id !== null) {
    await deps.quota.block({ credentialId: deps.credential.id, bucket: known.bucket ?? null, waitMs, refusedAt: observedAt })
  }
  throw new AppError('rate_limited', known.message, retry(waitMs))
}

function retry(retryAfterMs: number | undefined) {
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}

/** Providers answer in JSON; anything else comes from something in between (an error page, half a body). */
function isJson(body: string): boolean {
  try {
    JSON.parse(body)
    return true
  } catch {
    return false
  }
}

function unreadable(title: string, path: string): AppError {
  return new AppError('transient', `${title} answered ${path.split('?')[0]} with something that is no JSON; this is tried again.`)
}

/** A path is put behind the base URL; a whole address (a paging link) must be on the same host. */
function urlOf({ connector, credential }: RequesterDeps, request: UpstreamRequest): URL {
  const base = new URL(credential.baseUrl)
  const url = /^https?:/i.test(request.path)
    ? new URL(request.path)
    : new URL(base.pathname.replace(/\/$/, '') + request.path, base)
  if (url.origin !== base.origin) {
    throw new AppError('permanent', `${connector.title} gave a link that leads off its host; it is not followed.`, {
      code: 'link-off-host',
    })
  }
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value)
  return url
}
