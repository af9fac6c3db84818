import { gzipSync } from 'node:zlib'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { upstreamServer } from '../../test/support/upstreamServer.ts'
import { createHttp } from './http.ts'
import { createRequester } from './request.ts'

test.each<[string, (response: ServerResponse) => void, string]>([
  ['never answers', () => undefined, 'no answer within the time'],
  [
    'stops in the middle of a body',
    (response) => void response.writeHead(200).write('{"data":['),
    'stopped in the middle',
  ],
  ['drips without end', drip, 'did not come within the time'],
  ['sends half of something packed', half, 'stopped in the middle'],
  ['sends bytes without end', flood, 'larger than 64 MiB'],
])('G14: a provider that %s ends in a sentence, not in a wait', async (_, respond, sentence) => {
  await using server = await upstreamServer((_request, response) => respond(response))
  const http = createHttp({
    upstreamHosts: ['127.0.0.1'],
    patience: { headersMs: 400, bodyMs: 400, requestMs: 2_500 },
  })
  const request = createRequester({
    http,
    quota: {
      take: async () => ({ observedAt: '', usable: () => true, release: () => undefined }),
      block: async () => undefined,
      close: async () => undefined,
    },
    connector: { title: 'Acme' },
    credential: { id: 'c', baseUrl: server.url, renews: false, headers: async () => ({}) },
    limits: [],
    sync: null,
    priority: 'changes',
    signal: new AbortController().signal,
  })
  await expect(request({ path: '/v1/things' })).rejects.toMatchObject({
    kind: sentence.includes('larger') ? 'permanent' : 'transient',
    message: expect.stringContaining(sentence),
  })
  await http.close()
  await expect.poll(() => server.sockets.size).toBe(0)
})

function drip(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write(' '), 100)
  response.on('close', () => clearInterval(timer))
}

function half(response: ServerResponse): void {
  const whole = gzipSync(JSON.stringify({ data: Array.from({ length: 500 }, Math.random) }))
  response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole.subarray(0, 500))
}

function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(1_024 * 1_024, 32)
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.writeHead(200).on('drain', more)
  more()
}
