import { connect } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { talk } from '../../test/support/socket.ts'
import { readBody } from './input.ts'
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

describe('a body', () => {
  const echo = new Hono()
  const seen: unknown[] = []
  echo.post('/', async (context) => {
    const body = await readBody(context.req.raw).catch((error: unknown) => error)
    seen.push(body)
    return body instanceof Buffer
      ? context.text(body.toString('base64'))
      : context.text((body as Error).message, 422)
  })
  const post = async (headers: string, body: Buffer | string) => {
    const server = await serveApi(echo, here)
    const start = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n\r\n`
    const got = await talk(server.port, Buffer.concat([Buffer.from(start), Buffer.from(body)]))
    await server.close(0)
    return got
  }
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 256))
  const chunked = (size: number) =>
    Buffer.concat([
      ...Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => {
        const part = bytes.subarray(i * size, (i + 1) * size)
        return Buffer.concat([
          Buffer.from(`${part.length.toString(16)}\r\n`),
          part,
          Buffer.from('\r\n'),
        ])
      }),
      Buffer.from('0\r\n\r\n'),
    ])

  test('arrives byte by byte, announced or in chunks', async () => {
    const whole = bytes.toString('base64')
    expect(await post(`Content-Length: ${bytes.length}`, bytes)).toContain(whole)
    for (const size of [1000, 65_536])
      expect(await post('Transfer-Encoding: chunked', chunked(size))).toContain(whole)
    expect(await post('Content-Length: 0', '')).toMatch(/^HTTP\/1\.1 200/)
  })

  test('may have a megabyte and no more, announced or in chunks', async () => {
    const at = 'a'.repeat(1_000_000)
    const inChunks = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
    expect(await post('Content-Length: 1000000', at)).toMatch(/^HTTP\/1\.1 200/)
    expect(await post('Transfer-Encoding: chunked', inChunks(at))).toMatch(/^HTTP\/1\.1 200/)
    expect(await post('Content-Length: 1000001', '')).toContain('larger than 1 MB')
    expect(await post('Transfer-Encoding: chunked', inChunks(`${at}a`))).toContain(
      'larger than 1 MB',
    )
  })

  test('that is cut off is invalid, and no bug of ours', async () => {
    const server = await serveApi(echo, here)
    seen.length = 0
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf', () => socket.end())
    socket.resume()
    await expect.poll(() => seen).toMatchObject([{ kind: 'invalid', code: 'invalid-request' }])
    await server.close(0)
  })
})
