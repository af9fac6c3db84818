import { connect } from 'node:net'

export type Answered = { status: number; text: string }

/** One connection, kept alive, with one call under way at a time. */
export type Line = {
  /** `request`: as it goes over the wire. Rejects when the connection ends before the answer is whole. */
  call(request: string): Promise<Answered>
  readonly open: boolean
  /** Hangs up, whatever is under way. */
  close(): void
}

type Pending = { resolve(answer: Answered): void; reject(error: Error): void }

/**
 * HTTP/1.1 on a bare socket, for answers with Content-Length or without a body: client and server share two cores here,
 * and a general client costs more of them than the server does.
 */
export async function openLine(port: number): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  let pending: Pending | null = null
  let parts: Buffer[] = []
  let size = 0
  let head: Head | null = null
  socket.on('data', (part) => {
    parts.push(part)
    size += part.length
    head ??= headOf(whole())
    if (head === null || size < head.bytes + head.bodyBytes) return
    const answer = { status: head.status, text: whole().toString('utf8', head.bytes) }
    parts = []
    size = 0
    head = null
    pending?.resolve(answer)
    pending = null
  })
  socket.on('error', () => undefined)
  socket.on('close', () => pending?.reject(new Error('The connection ended before the answer.')))

  function whole(): Buffer {
    if (parts.length > 1) parts = [Buffer.concat(parts)]
    return parts[0]!
  }

  return {
    call: async (request) =>
      await new Promise((resolve, reject) => {
        pending = { resolve, reject }
        socket.write(request)
      }),
    get open() {
      return !socket.destroyed && !socket.readableEnded
    },
    close: () => void socket.destroy(),
  }
}

type Head = { status: number; bytes: number; bodyBytes: number }

/** Null until all of it is there. */
function headOf(bytes: Buffer): Head | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const text = bytes.toString('latin1', 0, end)
  const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(text) ?? []
  return { status: Number(text.slice(9, 12)), bytes: end + 4, bodyBytes: Number(length) }
}
