import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'

/** Whether something accepts TCP connections there. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ port, host, timeout: 1_000 })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

/**
 * Whether a Temporal server answers for the namespace `default`. Two gRPC calls by hand, so that waiting for the server costs no load
 * of the SDK: its health alone turns good a little before the namespace is there.
 */
export async function serves(port: number, host = '127.0.0.1'): Promise<boolean> {
  const service = 'temporal.api.workflowservice.v1.WorkflowService'
  const health = await unary(port, host, '/grpc.health.v1.Health/Check', field(1, service))
  if (health === null || !health.equals(Buffer.from([0x08, 0x01]))) return false
  return (await unary(port, host, `/${service}/DescribeNamespace`, field(1, 'default'))) !== null
}

/** The answer's message, or null for any failure. */
function unary(port: number, host: string, path: string, message: Buffer): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${host}:${port}`)
    const end = (answer: Buffer | null): void => {
      session.destroy()
      resolve(answer)
    }
    session.setTimeout(2_000, () => end(null))
    session.once('error', () => end(null))
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const chunks: Buffer[] = []
    let status = ''
    stream.on('response', (headers) => (status = String(headers['grpc-status'] ?? status)))
    stream.on('trailers', (headers) => (status = String(headers['grpc-status'] ?? status)))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('error', () => end(null))
    stream.once('end', () => end(status === '0' ? Buffer.concat(chunks).subarray(5) : null))
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([head, message]))
  })
}

/** A protobuf string field (shorter than 128 bytes). */
function field(number: number, value: string): Buffer {
  const text = Buffer.from(value)
  return Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), text])
}
