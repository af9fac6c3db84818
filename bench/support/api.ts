import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { apiFlags } from '../../src/main/embedded/child.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { openLines } from './lines.ts'
import { gone, spawnNode, untilOk } from './stack.ts'

export type Api = {
  pid: number
  port: number
  key: string
  rssMb(): number
  /** Text for Prometheus. */
  metrics(): Promise<string>
  client(): Client
  stop(): Promise<void>
}

export type Client = {
  next(consumerId: string, batchSize: number, waitMs: number, signal?: AbortSignal): Promise<string>
  /** Acks `tokens` and takes the next, in one call. */
  swap(consumerId: string, batchSize: number, tokens: string[]): Promise<string>
  ack(consumerId: string, tokens: string[]): Promise<void>
  close(): void
}

/** The API as in production, a process of its own. Consuming needs no Temporal. `key`: that of another one beside it. */
export async function startApi(
  databaseUrl: string,
  key = randomBytes(24).toString('base64url'),
): Promise<Api> {
  const port = await anyFree()
  const child = spawnNode([...apiFlags, 'src/main/api.ts'], {
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
    port,
    key,
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

export function clientOf(port: number, key: string): Client {
  const lines = openLines(port, key)
  return {
    next: async (consumerId, batchSize, waitMs, signal) =>
      await lines.call(
        'GET',
        `/v1/http-consumers/${consumerId}/next?batch_size=${batchSize}&wait_for=${waitMs}`,
        '',
        signal,
      ),
    swap: async (consumerId, batchSize, tokens) =>
      await lines.call(
        'POST',
        `/v1/http-consumers/${consumerId}/next?batch_size=${batchSize}`,
        JSON.stringify({ ack_tokens: tokens }),
      ),
    async ack(consumerId, tokens) {
      await lines.call(
        'POST',
        `/v1/http-consumers/${consumerId}/ack`,
        JSON.stringify({ ack_tokens: tokens }),
      )
    },
    close: lines.close,
  }
}

/** Cut out of the text: parsing is the worker's business, and not what is measured. */
export function tokensOf(answer: string): string[] {
  const tokens: string[] = []
  for (const [, token] of answer.matchAll(/\{"ack_token":"([\w-]{38})"/g)) tokens.push(token!)
  return tokens
}
