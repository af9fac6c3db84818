import { AppError } from '../../domain/error.ts'
import type { Connector, Context, UpstreamAnswer, UpstreamRequest } from '../connector.ts'
import type { Upstream } from './target.ts'

/** `aside`: for what is remembered of the account. */
type Recorded = UpstreamRequest & { answer: UpstreamAnswer | null; aside: boolean }

export type TestContext = Context & { requests: Recorded[] }

export type ContextOptions = {
  properties?: Record<string, unknown>
  /** Our clock minus the provider's. */
  skewMs?: number
  signal?: AbortSignal
  /** What stands between the provider and us. */
  through?: (body: string) => string
}

/** A context over plain `fetch`: what upstream/request.ts gives, without quota and caps. A request takes 1 ms. */
export function createContext(
  connector: Connector,
  upstream: Pick<Upstream, 'baseUrl' | 'clock' | 'credential'>,
  options: ContextOptions = {},
): TestContext {
  const { skewMs = 0, signal = new AbortController().signal, through = (body) => body } = options
  const properties = options.properties ?? upstream.credential.properties
  const kind = connector.credentialKinds.find((known) => known.kind === upstream.credential.kind)!
  const requests: Recorded[] = []
  let loading = 0
  const kept = new Map<string, { value: unknown; atMs: number }>()
  const now = () => upstream.clock.now() + skewMs
  return {
    config: {},
    async remember<T>(key: string, maxAgeMs: number, load: () => Promise<T>): Promise<T> {
      const known = kept.get(key)
      if (known !== undefined && now() - known.atMs < maxAgeMs) return known.value as T
      loading++
      try {
        const value = await load()
        kept.set(key, { value, atMs: now() })
        return value
      } finally {
        loading--
      }
    },
    now,
    signal,
    requests,
    async request(request) {
      const recorded: Recorded = { ...request, answer: null, aside: loading > 0 }
      requests.push(recorded)
      const url = new URL(request.path, upstream.baseUrl)
      for (const [name, value] of request.query ?? []) url.searchParams.append(name, value)
      upstream.clock.advance(1)
      const observedAt = new Date(now()).toISOString().replace('Z', '000Z')
      const answer = await send(url, request, kind.auth(properties), signal)
      if (answer.status >= 200 && answer.status < 300) answer.body = through(answer.body)
      recorded.answer = { ...answer, observedAt }
      const accepted = request.accept?.includes(answer.status) ?? false
      if (answer.status < 300 || accepted) return recorded.answer
      throw toError(connector, { ...answer, path: url.pathname })
    },
  }
}

async function send(
  url: URL,
  request: UpstreamRequest,
  auth: Record<string, string>,
  signal: AbortSignal,
): Promise<Omit<UpstreamAnswer, 'observedAt'>> {
  try {
    const answer = await fetch(url, {
      method: request.method ?? 'GET',
      headers: { ...auth, ...request.headers },
      redirect: 'error',
      signal,
      ...(request.body === undefined ? {} : { body: request.body }),
    })
    const headers = Object.fromEntries(answer.headers)
    return { status: answer.status, headers, body: await answer.text() }
  } catch (cause) {
    if (signal.aborted) throw new AppError('stopped', 'The work was stopped.', { cause })
    throw new AppError('transient', 'The provider did not answer in full.', { cause })
  }
}

function toError(
  connector: Connector,
  answer: { status: number; headers: Record<string, string>; body: string; path: string },
): AppError {
  const known = connector.classify?.(answer)
  if (known) {
    const { kind, message, retryAfterMs, code } = known
    return new AppError(kind, message, {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(code === undefined ? {} : { code }),
    })
  }
  if (answer.status === 401) return new AppError('auth', 'The provider refuses the credential.')
  if (answer.status === 429) return new AppError('rate_limited', 'The provider asks to slow down.')
  if (answer.status >= 500 || answer.status === 408) {
    return new AppError('transient', 'The provider failed.')
  }
  return new AppError('permanent', 'The provider refuses the request.')
}
