import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { talk } from '../../test/support/socket.ts'
import { serveApi } from './server.ts'

const here = { host: '127.0.0.1', port: 0 }

test('a port that is taken is one clear sentence', async () => {
  const first = await serveApi(new Hono(), here)
  await expect(serveApi(new Hono(), { ...here, port: first.port })).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining('is taken by another process'),
  })
  await first.close(0)
})

test('closing lets a running request end, and takes no new connection', async () => {
  const app = new Hono()
  let finish = () => {}
  const begun = new Promise<void>((seen) => {
    app.get('/slow', async (context) => {
      const done = new Promise<void>((resolve) => (finish = resolve))
      seen()
      await done
      return context.text('whole')
    })
  })
  const server = await serveApi(app, here)
  const answer = fetch(`${server.url}/slow`)
  await begun
  const closed = server.close(10_000)
  await expect(fetch(`${server.url}/slow`)).rejects.toThrow()
  finish()
  expect(await (await answer).text()).toBe('whole')
  await closed
})

test('closing cuts what is left when the grace is over', async () => {
  const app = new Hono()
  const begun = new Promise<void>((seen) => {
    app.get('/stuck', async () => {
      seen()
      return await new Promise<Response>(() => {})
    })
  })
  const server = await serveApi(app, here)
  const answer = fetch(`${server.url}/stuck`)
  answer.catch(() => {})
  await begun
  await server.close(50)
  await expect(answer).rejects.toThrow()
})

test('headers that are too large, ambiguous lengths and no host are refused by the server itself', async () => {
  const app = new Hono()
  app.all('*', (context) => context.text('reached'))
  const server = await serveApi(app, here)
  const start = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
  expect(await talk(server.port, `${start}X: ${'a'.repeat(20_000)}\r\n\r\n`)).toContain('431')
  expect(
    await talk(
      server.port,
      `${start}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ),
  ).toContain('400')
  expect(
    await talk(server.port, `${start}Content-Length: 2\r\nContent-Length: 3\r\n\r\nab`),
  ).toContain('400')
  expect(await talk(server.port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toContain('400')
  await server.close(0)
})

test('two Authorization headers arrive as two', async () => {
  const app = new Hono()
  app.get('/', (context) => context.text(context.req.header('authorization') ?? ''))
  const server = await serveApi(app, here)
  const got = await talk(
    server.port,
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n',
  )
  expect(got).toContain('Bearer a, Bearer b')
  await server.close(0)
})
