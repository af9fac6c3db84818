import { setTimeout } from 'node:timers/promises'
import type {
  Connector,
  Context,
  Limit,
  UpstreamAnswer,
  UpstreamRequest,
} from '../connectors/connector.ts'
import { AppError, isAppError } from '../domain/error.ts'
import { ACCEPTED_ENCODINGS } from './body.ts'
import { broken, classify, neverSent } from './classify.ts'
import type { Http, HttpAnswer } from './http.ts'
import type { Grant, Priority, Quota } from './quota.ts'
import type { SyncAt } from './take.ts'

export type HeadersAsk = {
  /** Headers that the provider has just refused: others are wanted. */
  refused?: Record<string, string> | undefined
  /** Asked before a new access token is requested; throws `stopped` where nothing may be requested (G8). */
  permit?: (() => Promise<{ release(): void }>) | undefined
  signal?: AbortSignal | undefined
}

export type RequesterDeps = {
  http: Http
  quota: Quota
  connector: Pick<Connector, 'title' | 'classify'>
  /** `id` null: not stored yet, then there is no ledger to pay from. `headers` authenticate; secrets stay in its closure. */
  credential: {
    id: string | null
    baseUrl: string
    config?: Record<string, string>
    headers(ask: HeadersAsk): Promise<Record<string, string>>
    /** Refused headers can be had anew: access tokens that expire. */
    renews: boolean
  }
  /** Of effectiveLimits. */
  limits: Limit[]
  sync: SyncAt | null
  priority: Priority
  signal: AbortSignal
  /** Told after each request that was sent. `waitedMs`: for quota, before. */
  onRequest?: (request: { outcome: string; ms: number; waitedMs: number }) => void
  /** Before a refused credential is asked for once more; tests do not wait. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A refusal of a stored credential is believed when it comes again so much later: providers refuse good ones now and then. */
const SECOND_LOOK_MS = 1_500
/** Assumed where a 429 does not say how long: the ledger slows down besides. */
const WAIT_UNTOLD_MS = 1_000
const USER_AGENT = 'sluice'

/**
 * `ctx.request` of a connector: takes quota, authenticates, sends once, reads, classifies. No retries here (Temporal's) but
 * for a refused credential, which would stop all of a sync for an hour; no redirects (they would carry the credential
 * elsewhere). Errors are in our own words: neither the provider's text nor a query.
 */
export function createRequester(deps: RequesterDeps): Context['request'] {
  return async (request) => {
    const url = urlOf(deps, request)
    const permit = async () => await start(deps, request)
    const { headers, renews } = deps.credential
    // before the grant, which is only good for a moment: a token may have to be refreshed first
    const auth = await headers({ permit, signal: deps.signal })
    try {
      return await once(deps, request, url, auth)
    } catch (error) {
      if (!isAppError(error, 'auth')) throw error
      if (renews) {
        // 401 once: with a new token once more, then it is believed
        const other = await headers({ permit, signal: deps.signal, refused: auth })
        return await once(deps, request, url, other)
      }
      if (deps.credential.id === null || deps.priority === 'mutation') throw error
      await (deps.pause ?? pause)(SECOND_LOOK_MS, deps.signal)
      return await once(deps, request, url, auth)
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined)
  if (signal.aborted) throw new AppError('stopped', 'The work was stopped before a second look.')
}

async function once(
  deps: RequesterDeps,
  request: UpstreamRequest,
  url: URL,
  auth: Record<string, string>,
): Promise<UpstreamAnswer> {
  const asked = performance.now()
  const grant = await start(deps, request)
  const started = performance.now()
  let outcome = 'broken'
  try {
    const answer = await send(deps, request, url, auth)
    outcome = `${Math.floor(answer.status / 100)}xx`
    return await judge(deps, request, answer, grant.observedAt)
  } finally {
    grant.release()
    deps.onRequest?.({ outcome, ms: performance.now() - started, waitedMs: started - asked })
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

async function send(
  deps: RequesterDeps,
  request: UpstreamRequest,
  url: URL,
  auth: Record<string, string>,
): Promise<HttpAnswer> {
  try {
    return await deps.http.send({
      url,
      method: request.method ?? 'GET',
      headers: {
        accept: 'application/json',
        'accept-encoding': ACCEPTED_ENCODINGS,
        'user-agent': USER_AGENT,
        ...request.headers,
        ...auth,
      },
      body: request.body ?? null,
      signal: deps.signal,
    })
  } catch (error) {
    if (deps.signal.aborted)
      throw new AppError('stopped', 'The work was stopped while a request was under way.')
    const failure = broken(deps.connector.title, url.pathname, error)
    // by priority, not by method: many providers read by POST
    if (deps.priority !== 'mutation' || failure.kind !== 'transient' || neverSent(failure))
      throw failure
    throw undecided(deps.connector.title)
  }
}

async function judge(
  deps: RequesterDeps,
  request: UpstreamRequest,
  { status, headers, body }: HttpAnswer,
  observedAt: string,
): Promise<UpstreamAnswer> {
  const title = deps.connector.title
  if (status >= 200 && status < 300) {
    if (!readsAsJson(request, headers, body)) throw unreadable(title, pathOf(request))
    return { status, headers, body, observedAt }
  }
  const path = pathOf(request)
  const known = classify(
    deps.connector,
    { status, headers, body, path },
    Date.now(),
    deps.credential.config,
  )
  const limited = known.kind === 'rate_limited'
  // "slow down" may come with any status, also with one that is an answer otherwise
  if (!limited && request.accept?.includes(status) === true)
    return { status, headers, body, observedAt }
  const waitMs = known.retryAfterMs ?? (limited ? WAIT_UNTOLD_MS : undefined)
  const told = limited || (known.kind === 'transient' && headers['retry-after'] !== undefined)
  if (told && waitMs !== undefined && deps.credential.id !== null) {
    const block = { credentialId: deps.credential.id, bucket: known.bucket ?? null, waitMs }
    await deps.quota.block(limited ? { ...block, refusedAt: observedAt } : block)
  }
  if (deps.priority === 'mutation' && status >= 500) throw undecided(title)
  throw new AppError(known.kind, known.message, {
    ...retry(waitMs),
    ...(known.code === undefined ? {} : { code: known.code }),
  })
}

function retry(retryAfterMs: number | undefined) {
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}

/** Of a write that was sent and not answered nobody knows whether it happened. */
function undecided(title: string): AppError {
  return new AppError(
    'indeterminate',
    `${title} did not answer a write; whether it happened is not known.`,
  )
}

/**
 * Providers answer in JSON where it is asked for; anything else comes from something in between (an error page, half a
 * body). Looks at both ends only: whoever reads the answer parses it, and a page of 100 objects costs 1 ms to parse.
 */
function readsAsJson(
  request: UpstreamRequest,
  headers: Record<string, string>,
  body: string,
): boolean {
  const accept = Object.entries(request.headers ?? {}).find(
    ([name]) => name.toLowerCase() === 'accept',
  )
  if (accept !== undefined && !accept[1].includes('json')) return true
  if (/^text\/html\b/i.test(headers['content-type'] ?? '')) return false
  const text = body.trim()
  if (text.startsWith('{')) return text.endsWith('}')
  if (text.startsWith('[')) return text.endsWith(']')
  return text === '' || /^("|-?\d|true$|false$|null$)/.test(text)
}

/** Without query and host: what errors may show. */
function pathOf(request: UpstreamRequest): string {
  return request.path.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/)[0]!
}

function unreadable(title: string, path: string): AppError {
  return new AppError(
    'transient',
    `${title} answered ${path} with something that is no JSON; this is tried again.`,
  )
}

/** A path is put behind the base URL; a whole address (a paging link) must be on the same host. */
function urlOf({ connector, credential }: RequesterDeps, request: UpstreamRequest): URL {
  const base = new URL(credential.baseUrl)
  const url = /^https?:/i.test(request.path)
    ? new URL(request.path)
    : new URL(base.pathname.replace(/\/$/, '') + request.path, base)
  if (url.origin !== base.origin) {
    throw new AppError(
      'permanent',
      `${connector.title} gave a link that leads off its host; it is not followed.`,
      {
        code: 'link-off-host',
      },
    )
  }
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value)
  return url
}
