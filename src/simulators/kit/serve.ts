import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Now } from './clock.ts'
import type { FaultRule, Faults } from './faults.ts'
import type { RequestLog } from './log.ts'

export type SimRequest = {
  method: string
  path: string
  /** Without the question mark. */
  query: string
  headers: IncomingHttpHeaders
  body: string
  /** Requests of this server that are not answered yet, this one among them. */
  inFlight: number
}

export type SimAnswer = { status: number; headers: Record<string, string>; body: string | Buffer }

export type Simulated = {
  /** The provider. `fault` is one that it must answer in its own shape, or null. */
  answer(request: SimRequest, fault: FaultRule | null): SimAnswer
  /** The remote control under `/_sim`: no faults, no log. */
  control(request: SimRequest): SimAnswer
  /** Tail of the key that the request carries; empty: none. */
  keyTail(headers: IncomingHttpHeaders): string
  /** Header in which the provider names the request. */
  requestIdHeader: string
  faults: Faults
  log: RequestLog
  now: Now
}

export type Listening = { url: string; close(): Promise<void> }

const bodyBytesMax = 4 * 1024 * 1024
/** Long URLs are for the provider to refuse, not for the server. */
const headerBytesMax = 128 * 1024
const slowSteps = 10

/** Serves a simulated provider on `host:port` (port 0: any free one). */
export async function serve(simulated: Simulated, port: number, host: string): Promise<Listening> {
  let inFlight = 0
  const options = { keepAliveTimeout: 60_000, maxHeaderSize: headerBytesMax }
  const server = createServer(options, (incoming, outgoing) => {
    const at = simulated.now()
    inFlight += 1
    outgoing.once('close', () => {
      inFlight -= 1
    })
    readBody(incoming, (body) => {
      const [path, query] = split(incoming.url ?? '/')
      const request: SimRequest = {
        method: incoming.method ?? 'GET',
        path,
        query,
        headers: incoming.headers,
        body,
        inFlight,
      }
      if (path.startsWith('/_sim')) send(outgoing, simulated.control(request))
      else answer(simulated, request, outgoing, at)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answer(
  simulated: Simulated,
  request: SimRequest,
  outgoing: ServerResponse,
  at: number,
): void {
  const { fault, delayMs } = simulated.faults.play(request.method, request.path, request.query)
  const result = simulated.answer(request, fault)
  const broken = fault?.kind === 'stall' || (fault?.kind === 'reset' && fault.bytes === undefined)
  simulated.log.add({
    at,
    method: request.method,
    path: request.path,
    query: request.query,
    status: broken ? 0 : fault?.kind === 'html' ? (fault.status ?? 200) : result.status,
    key: simulated.keyTail(request.headers),
    requestId: result.headers[simulated.requestIdHeader] ?? '',
    fault: fault?.kind ?? (delayMs > 0 ? 'latency' : null),
  })
  const finish = () => transmit(outgoing, result, fault)
  if (delayMs > 0) setTimeout(finish, delayMs)
  else finish()
}

function transmit(outgoing: ServerResponse, result: SimAnswer, fault: FaultRule | null): void {
  switch (fault?.kind) {
    case 'stall':
      return
    case 'reset':
      if (fault.bytes === undefined) outgoing.socket?.resetAndDestroy()
      else partly(outgoing, result, fault.bytes, () => outgoing.socket?.resetAndDestroy())
      return
    case 'cut':
      partly(outgoing, result, fault.bytes ?? null, () => outgoing.socket?.end())
      return
    case 'slow':
      drip(outgoing, result, fault.ms ?? 1000)
      return
    case 'html':
      send(outgoing, {
        status: fault.status ?? 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: '<!DOCTYPE html><html><head><title>Be right back</title></head><body><h1>Maintenance</h1></body></html>',
      })
      return
    case 'rate_limit':
    case 'server_error':
    case 'unauthorized':
    case 'forbidden':
    case 'latency':
    case undefined:
      send(outgoing, result)
  }
}

function send(outgoing: ServerResponse, { status, headers, body }: SimAnswer): void {
  const bytes = bytesOf(body)
  outgoing.writeHead(status, { ...headers, 'content-length': bytes.length })
  outgoing.end(bytes)
}

/** Promises the whole body, sends `count` bytes of it (null: half), then breaks. */
function partly(
  outgoing: ServerResponse,
  { status, headers, body }: SimAnswer,
  count: number | null,
  breakOff: () => void,
): void {
  const bytes = bytesOf(body)
  outgoing.writeHead(status, { ...headers, 'content-length': bytes.length })
  const part = bytes.subarray(0, Math.min(count ?? bytes.length >> 1, bytes.length - 1))
  if (part.length === 0) outgoing.flushHeaders()
  outgoing.write(part, breakOff)
}

function drip(outgoing: ServerResponse, { status, headers, body }: SimAnswer, ms: number): void {
  const bytes = bytesOf(body)
  outgoing.writeHead(status, { ...headers, 'content-length': bytes.length })
  const size = Math.max(1, Math.ceil(bytes.length / slowSteps))
  let sent = 0
  const timer = setInterval(() => {
    outgoing.write(bytes.subarray(sent, sent + size))
    sent += size
    if (sent >= bytes.length) outgoing.end()
  }, ms / slowSteps)
  outgoing.once('close', () => clearInterval(timer))
  outgoing.once('finish', () => clearInterval(timer))
}

function bytesOf(body: string | Buffer): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : body
}

function readBody(incoming: IncomingMessage, take: (body: string) => void): void {
  if (incoming.method === 'GET' || incoming.method === 'HEAD') {
    incoming.resume()
    take('')
    return
  }
  const chunks: Buffer[] = []
  let size = 0
  incoming.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > bodyBytesMax) incoming.destroy()
    else chunks.push(chunk)
  })
  incoming.on('end', () => take(Buffer.concat(chunks).toString('utf8')))
}

function split(url: string): [string, string] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}
