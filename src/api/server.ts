import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { AppError } from '../domain/error.ts'
import type { Direct } from './direct.ts'

/** A client that sends its headers or its body slower than this is cut off. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
/** Longer than load balancers keep theirs (60 s), so that they close first. */
const keepAliveTimeoutMs = 65_000
const connectionsMax = 10_000
/** Node's 511 overflow when a thousand workers come back to a process that is busy for two seconds. The kernel caps it. */
const backlog = 4096
const idleCheckMs = 50
const headerBytesMax = 16_384

export type ApiServer = {
  /** `http://127.0.0.1:7100` */
  url: string
  port: number
  /** Takes no new connection, lets running requests end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>
}

/** Serves the app, what is `direct` ahead of it. Rejects with `conflict` when the port is taken or may not be used. */
export async function serveApi(
  app: { fetch: Hono['fetch']; direct?: Direct },
  options: {
    host: string
    port: number
    /** In place of the limits above, for tests of them. */
    headersTimeoutMs?: number
    requestTimeoutMs?: number
  },
): Promise<ApiServer> {
  const listener = getRequestListener(app.fetch)
  const settings = {
    maxHeaderSize: headerBytesMax,
    headersTimeout: options.headersTimeoutMs ?? headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs ?? requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, options.headersTimeoutMs ?? 1000),
    requireHostHeader: true,
    // a request without a body ends with its headers, without the events of a stream: 2 µs of each GET
    optimizeEmptyRequests: true,
  }
  const server = createServer(settings, (incoming, outgoing) => {
    if (app.direct?.(incoming, outgoing) !== true) void listener(incoming, outgoing)
  })
  server.maxConnections = connectionsMax
  await listening(server, options)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return { url: `http://${host}:${port}`, port, close: (graceMs) => drain(server, graceMs) }
}

async function listening(server: Server, { host, port }: { host: string; port: number }) {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'is taken by another process'
          : `cannot be used (${cause.code ?? 'unknown'})`
      reject(
        new AppError('conflict', `Port ${port} on ${host} ${why}. Choose another with PORT.`, {
          code: 'port-taken',
          cause,
        }),
      )
    })
    server.listen({ port, host, backlog }, resolve)
  })
}

async function drain(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    // a connection that is kept alive becomes idle when its answer is out
    const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(idle)
      resolve()
    })
    server.closeIdleConnections()
  })
}
