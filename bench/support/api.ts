import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { gone, spawnNode, untilOk } from './stack.ts'

export type Api = {
  pid: number
  rssMb(): number
  /** One client, as a worker has one; `connections` of them at once. */
  client(connections: number): Client
  stop(): Promise<void>
}

export type Client = {
  next(consumerId: string, batchSize: number, waitMs: number): Promise<string>
  ack(consumerId: string, tokens: string[]): Promise<void>
  close(): Promise<void>
}

/** The API as in production, a process of its own. Consuming needs no Temporal. */
export async function startApi(databaseUrl: string): Promise<Api> {
  const port = await anyFree()
  const key = randomBytes(24).toString('base64url')
  const child = spawnNode(['src/main/api.ts'], {
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
    client: (connections) => clientOf(origin, key, connections),
    async stop() {
      child.kill('SIGTERM')
      await gone(child)
    },
  }
}

function clientOf(origin: string, key: string, connections: number): Client {
  const pool = new Pool(origin, { connections })
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const call = async (method: 'GET' | 'POST', path: string, body: string | null) => {
    const answer = await pool.request({ method, path, headers, body })
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return text
  }
  return {
    next: async (consumerId, batchSize, waitMs) =>
      await call(
        'GET',
        `/v1/http-consumers/${consumerId}/next?batch_size=${batchSize}&wait_for=${waitMs}`,
        null,
      ),
    async ack(consumerId, tokens) {
      await call(
        'POST',
        `/v1/http-consumers/${consumerId}/ack`,
        JSON.stringify({ ack_tokens: tokens }),
      )
    },
    close: async () => await pool.close(),
  }
}

/** Cut out of the text: parsing is the worker's business, and not what is measured. */
export function tokensOf(answer: string): string[] {
  const tokens: string[] = []
  for (const [, token] of answer.matchAll(/\{"ack_token":"([\w-]{38})"/g)) tokens.push(token!)
  return tokens
}
