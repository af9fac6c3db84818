import { afterAll, expect, test } from 'vitest'
import { upstreamServer } from '../../test/support/upstreamServer.ts'
import { createHttp } from './http.ts'
import { createRequester } from './request.ts'
import type { RequesterDeps } from './request.ts'

const http = createHttp({ upstreamHosts: ['127.0.0.1'] })
afterAll(() => http.close())

/** A provider that refuses the next `refusals` requests. */
async function refusing(refusals: number) {
  const at = { refusals }
  const server = await upstreamServer((_request, response) =>
    response.writeHead(at.refusals-- > 0 ? 401 : 200).end('{}'),
  )
  return Object.assign(server, { at })
}

function requester(
  baseUrl: string,
  options: Partial<Pick<RequesterDeps, 'pause' | 'priority' | 'signal'>> & { id?: null },
) {
  return createRequester({
    http,
    quota: {
      take: async () => ({ observedAt: '', usable: () => true, release: () => undefined }),
      block: async () => undefined,
      close: async () => undefined,
    },
    connector: { title: 'Acme' },
    credential: {
      id: options.id === null ? null : 'c',
      baseUrl,
      renews: false,
      headers: async () => ({}),
    },
    limits: [],
    sync: null,
    priority: 'changes',
    signal: new AbortController().signal,
    ...options,
  })
}

test('a single 401 stops nothing: the credential is asked for once more, a moment later, and then believed', async () => {
  await using server = await refusing(1)
  const pauses: number[] = []
  const request = requester(server.url, { pause: async (ms) => void pauses.push(ms) })
  expect((await request({ path: '/v1/things' })).status).toBe(200)
  expect(pauses).toEqual([1_500])
  server.at.refusals = Infinity
  await expect(request({ path: '/v1/things' })).rejects.toMatchObject({ kind: 'auth' })
  expect(server.requests).toHaveLength(4)
})

test('whoever waits for the answer hears of a refusal at once: a write, a credential that is not stored yet', async () => {
  await using server = await refusing(Infinity)
  for (const options of [{ priority: 'mutation' as const }, { id: null }]) {
    const request = requester(server.url, options)
    await expect(request({ path: '/v1/things' })).rejects.toMatchObject({ kind: 'auth' })
  }
  expect(server.requests).toHaveLength(2)
})

test('work that is stopped before the second look sends nothing more', async () => {
  await using server = await refusing(Infinity)
  const abort = new AbortController()
  const { signal } = abort
  const running = requester(server.url, { signal })({ path: '/v1/things' })
  await expect.poll(() => server.requests.length).toBe(1)
  abort.abort()
  await expect(running).rejects.toMatchObject({ kind: 'stopped' })
  expect(server.requests).toHaveLength(1)
})
