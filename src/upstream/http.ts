import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Agent } from 'undici'
import type { Connector, CredentialKind } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { addressAllowed, guardedLookup, isNamed } from './address.ts'
import { textOf } from './body.ts'

export const CONNECT_TIMEOUT_MS = 10_000
export const HEADERS_TIMEOUT_MS = 30_000
/** Between two chunks of a body. */
export const BODY_TIMEOUT_MS = 15_000
/** Of a whole request, however slowly it trickles. */
export const REQUEST_TIMEOUT_MS = 80_000

/** Of one request, in ms: until it is answered, between two chunks of a body, and of the whole. */
export type Patience = { headersMs: number; bodyMs: number; requestMs: number }

const patienceUsual: Patience = {
  headersMs: HEADERS_TIMEOUT_MS,
  bodyMs: BODY_TIMEOUT_MS,
  requestMs: REQUEST_TIMEOUT_MS,
}

export type HttpRequest = {
  url: URL
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers: Record<string, string>
  body: string | null
  signal: AbortSignal
}

export type HttpAnswer = { status: number; headers: Record<string, string>; body: string }

export type Http = {
  /** One request, one answer: no retry, no redirect. Rejects with what undici throws, or AppError for a body over the cap. */
  send(request: HttpRequest): Promise<HttpAnswer>
  /** The address as it will be called, without a slash at its end; AppError `invalid` unless the operator allows its host. */
  checkBaseUrl(
    connector: Pick<Connector, 'title'>,
    kind: CredentialKind,
    url: string,
  ): Promise<string>
  close(): Promise<void>
}

/** Connections to providers, one pool an origin, for the whole process. `upstreamHosts`: `host` or `host:port`. */
export function createHttp({
  upstreamHosts,
  patience = patienceUsual,
}: {
  upstreamHosts: readonly string[]
  patience?: Patience
}): Http {
  const named = new Set(upstreamHosts.map((entry) => entry.toLowerCase().replace(/:\d+$/, '')))
  // As many connections as are asked for: with a cap requests would queue here, and be sent long after their grant (G8).
  const agent = new Agent({
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    headersTimeout: patience.headersMs,
    bodyTimeout: patience.bodyMs,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      lookup: guardedLookup((host) => named.has(host.toLowerCase())),
    },
  })

  return {
    async send({ url, method, headers, body, signal }) {
      refuseLiteral(url, upstreamHosts)
      signal.throwIfAborted()
      // Not AbortSignal.any and .timeout: those would leave a timer of 80 s behind each request.
      const ending = new AbortController()
      const onAbort = () => ending.abort()
      const timer = setTimeout(() => ending.abort(new TooSlow()), patience.requestMs)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        const answer = await agent.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method,
          headers,
          body,
          signal: ending.signal,
        })
        const all = flat(answer.headers)
        return {
          status: answer.statusCode,
          headers: all,
          body: await textOf(answer.body, all['content-encoding']),
        }
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
    },

    async checkBaseUrl(connector, kind, text) {
      const url = parse(text)
      const own = ownHost(kind)
      const allowed = url.host === own || isNamed(url, upstreamHosts)
      if (!allowed || (url.protocol !== 'https:' && !isNamed(url, upstreamHosts))) {
        throw refused(
          `${connector.title} is called at ${own ?? 'its own hosts'} over https. The operator may allow other hosts with SLUICE_UPSTREAM_HOSTS.`,
        )
      }
      await refuseAddresses(url, isNamed(url, upstreamHosts))
      return url.href.replace(/\/+$/, '')
    },

    async close() {
      await agent.destroy()
    },
  }
}

class TooSlow extends Error {
  override readonly name = 'TooSlow'
  readonly code = 'TOO_SLOW'
}

/** An address in the URL itself is never looked up, so it is judged here. */
function refuseLiteral(url: URL, upstreamHosts: readonly string[]): void {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !addressAllowed(host, isNamed(url, upstreamHosts))) {
    throw new AppError('permanent', `The address ${host} must not be called.`, {
      code: 'address-forbidden',
    })
  }
}

async function refuseAddresses(url: URL, named: boolean): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const addresses =
    isIP(host) !== 0
      ? [host]
      : (await lookup(host, { all: true }).catch(() => [])).map(({ address }) => address)
  // A name that cannot be looked up just now is judged when it is called.
  if (addresses.some((address) => !addressAllowed(address, named))) {
    throw refused(
      'The host has an address that must not be called: link-local, multicast, or inside a network that the operator did not name.',
    )
  }
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw refused('Give a whole address, such as https://api.example.com.')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw refused('Give the address without user, password, query or fragment.')
  }
  return url
}

function ownHost(kind: CredentialKind): string | null {
  try {
    return new URL(kind.baseUrl({})).host
  } catch {
    return null
  }
}

function refused(reason: string): AppError {
  return new AppError('invalid', `This base_url is not allowed. ${reason}`, {
    fields: { base_url: [reason] },
  })
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined)
      all[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  return all
}
