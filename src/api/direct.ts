import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { keyHashOf } from './auth.ts'
import { bodyBytesMax, cutOff } from './input.ts'
import type { ApiRequest, ApiResponse } from './request.ts'
import type { Route } from './route.ts'

/** Serves the request and says true, or leaves it alone. */
export type Direct = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean

/**
 * The hot routes straight from node's server, with all that run.ts does: a worker makes a call or two for each record, and
 * Hono, its adapter and the objects of the web that these make were a fifth of such a call (docs/decisions/0008). What is not
 * plainly one of those calls, with a body that says how long it is and is no longer than it may be, is left to Hono.
 */
export function createDirect(
  routes: readonly Route[],
  answer: (route: Route, request: ApiRequest) => Promise<ApiResponse>,
): Direct {
  const hot = routes
    .filter((route) => route.hot === true)
    .map((route) => ({ route, match: matcherOf(route.path) }))
  return (incoming, outgoing) => {
    const url = incoming.url ?? ''
    const at = url.indexOf('?')
    const path = at < 0 ? url : url.slice(0, at)
    for (const { route, match } of hot) {
      if (route.method !== incoming.method) continue
      const params = match(path)
      if (params === null || !isPlain(incoming)) continue
      const search = at < 0 ? '' : url.slice(at + 1)
      void serve(outgoing, answer(route, new NodeRequest(incoming, outgoing, path, search, params)))
      return true
    }
    return false
  }
}

/** For paths with `{id}` in them. Only ids that nobody has to decode, or would make so long. */
function matcherOf(pattern: string): (path: string) => { id: string } | null {
  const [before = '', after = ''] = pattern.split('{id}')
  return (path) => {
    if (!path.startsWith(before) || !path.endsWith(after)) return null
    const id = path.slice(before.length, path.length - after.length)
    return /^[\w-]{1,100}$/.test(id) ? { id } : null
  }
}

async function serve(outgoing: ServerResponse, answer: Promise<ApiResponse>): Promise<void> {
  try {
    write(outgoing, await answer)
  } catch {
    outgoing.destroy()
  }
}

function isPlain({ headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined &&
    Number(headers['content-length'] ?? 0) <= bodyBytesMax
  )
}

function write(outgoing: ServerResponse, { status, headers, body }: ApiResponse): void {
  if (body !== null) headers['Content-Length'] = String(Buffer.byteLength(body))
  outgoing.writeHead(status, headers)
  outgoing.end(body)
}

/** The calls of a connection have one key, as a rule: it is hashed once. */
const hashed = new WeakMap<Socket, { header: string; hash: string }>()

class NodeRequest implements ApiRequest {
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly path: string
  readonly search: string
  readonly #params: Record<string, string>
  #controller: AbortController | null = null

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    path: string,
    search: string,
    params: Record<string, string>,
  ) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.path = path
    this.search = search
    this.#params = params
  }

  params(): Record<string, string> {
    return this.#params
  }

  /** Node's own `headers` keep the first of two Authorization headers and forget the other. */
  header(name: string): string | null {
    const { rawHeaders } = this.#incoming
    let value: string | null = null
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const raw = rawHeaders[at]!
      if (raw.length !== name.length || raw.toLowerCase() !== name) continue
      const next = rawHeaders[at + 1]!
      value = value === null ? next : `${value}, ${next}`
    }
    return value
  }

  headers(): Headers {
    const { rawHeaders } = this.#incoming
    const headers = new Headers()
    for (let at = 0; at < rawHeaders.length; at += 2)
      headers.append(rawHeaders[at]!, rawHeaders[at + 1]!)
    return headers
  }

  keyHash(): string {
    const { socket } = this.#incoming
    const header = this.header('authorization')
    const known = hashed.get(socket)
    if (known !== undefined && known.header === header) return known.hash
    const hash = keyHashOf(header)
    hashed.set(socket, { header: header!, hash })
    return hash
  }

  /** As long as it said, at the most: node's parser sees to that. */
  body(): Buffer | Promise<Buffer> {
    const incoming = this.#incoming
    if (incoming.readableEnded) return Buffer.alloc(0)
    if (incoming.destroyed) throw cutOff()
    // a small one has come with the headers: 2 µs less than its events
    if (incoming.complete) return (incoming.read() as Buffer | null) ?? Buffer.alloc(0)
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => parts.push(part))
      incoming.on('end', () => resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts)))
      incoming.on('close', () => {
        if (!incoming.readableEnded) reject(cutOff())
      })
    })
  }

  gone(): boolean {
    return this.#incoming.socket.destroyed
  }

  /** Made when it is first asked for. */
  signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController()
      const outgoing = this.#outgoing
      if (this.gone()) controller.abort()
      outgoing.once('close', () => {
        if (!outgoing.writableFinished) controller.abort()
      })
      this.#controller = controller
    }
    return this.#controller.signal
  }
}
