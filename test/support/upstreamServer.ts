import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type UpstreamServer = AsyncDisposable & {
  /** `http://127.0.0.1:<port>` */
  url: string
  /** Sockets that are open just now. */
  sockets: Set<Socket>
  /** `GET /path?query`, in order of arrival. */
  requests: string[]
}

/** A server that answers as `handle` says. */
export async function upstreamServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<UpstreamServer> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handle(request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
