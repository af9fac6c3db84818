/** A TCP way to a server that can be cut: all connections reset at once, and none taken for a while. */
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'

export type TcpGate = AsyncDisposable & {
  port: number
  /** Resets every connection, in the middle of whatever it carries. */
  cut(): number
  /** Until `open`, new connections are reset at once. */
  shut(): void
  open(): void
}

/** Listens on any free port of 127.0.0.1 and passes bytes on to `port` there. */
export async function openGate(port: number): Promise<TcpGate> {
  const pairs = new Set<Socket>()
  let closed = false
  const server = createServer((near) => {
    near.on('error', () => undefined)
    if (closed) {
      near.resetAndDestroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    far.on('error', () => near.resetAndDestroy())
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true)
      one.pipe(other)
      one.once('close', () => other.destroy())
    }
    pairs.add(near)
    near.once('close', () => pairs.delete(near))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the gate has no port')
  const cut = () => {
    const count = pairs.size
    for (const near of pairs) near.resetAndDestroy()
    return count
  }
  return {
    port: address.port,
    cut,
    shut() {
      closed = true
      cut()
    },
    open() {
      closed = false
    },
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
