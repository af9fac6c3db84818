import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { openLine } from './line.ts'
import type { Line } from './line.ts'
import { gone, productionFlags, spawnNode, untilOk } from './stack.ts'

export type Api = {
  pid: number
  rssMb(): number
  /** Text for Prometheus. */
  metrics(): Promise<string>
  client(): Client
  stop(): Promise<void>
}

export type Client = {
  next(consumerId: string, batchSize: number, waitMs: number, signal?: AbortSignal): Promise<string>
  ack(consumerId: string, tokens: string[]): Promise<void>
  close(): void
}

/** The API as in production, a process of its own. Consuming needs no Temporal. */
export async function startApi(databaseUrl: string): Promise<Api> {
  const port = await anyFree()
  const key = randomBytes(24).toString('base64url')
  const child = spawnNode([...productionFlags, 'src/main/api.ts'], {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    PORT: String(port),
    SLUICE_API_KEY: key,
    SLUICE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    LOG_LEVEL: 'error',
  })
  const origin = `http://127.0.0.1:${port}`
  await untilOk(`${origin}/healthz`)
  return {
    pid: child.pid!,
    rssMb: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) /
      1024,
    metrics: async () => await (await fetch(`${origin}/metrics`)).text(),
    client: () => clientOf(port, key),
    async stop() {
      child.kill('SIGTERM')
      await gone(child)
    },
  }
}

/** As many lines as calls are under way at once. */
function clientOf(port: number, key: string): Client {
  const free: Line[] = []
  const call = async (method: 'GET' | 'POST', path: string, body = '', signal?: AbortSignal) => {
    signal?.throwIfAborted()
    const known = free.pop()
    const line = known?.open === true ? known : await openLine(port)
    const hangUp = () => line.close()
    signal?.addEventListener('abort', hangUp)
    const { status, text } = await line.call(
      `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n` +
        (body === ''
          ? '\r\n'
          : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
    )
    signal?.removeEventListener('abort', hangUp)
    free.push(line)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
    return text
  }
  return {
    next: async (consumerId, batchSize, waitMs, signal) =>
      await call(
        'GET',
        `/v1/http-consumers/${consumerId}/next?batch_size=${batchSize}&wait_for=${waitMs}`,
        '',
        signal,
      ),
    async ack(consumerId, tokens) {
      await call(
        'POST',
        `/v1/http-consumers/${consumerId}/ack`,
        JSON.stringify({ ack_tokens: tokens }),
      )
    },
    close() {
      for (const line of free) line.close()
    },
  }
}

/** Cut out of the text: parsing is the worker's business, and not what is measured. */
export function tokensOf(answer: string): string[] {
  const tokens: string[] = []
  for (const [, token] of answer.matchAll(/\{"ack_token":"([\w-]{38})"/g)) tokens.push(token!)
  return tokens
}
