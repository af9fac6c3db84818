import { request as send } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { createControl } from './control.ts'
import { createFaults } from './faults.ts'
import type { FaultRule } from './faults.ts'
import { createRequestLog } from './log.ts'
import { createRandom } from './random.ts'
import { serve } from './serve.ts'

type Got = { status: number; body: string; error: string | null; length: number; ms: number }

async function start(...rules: FaultRule[]) {
  const faults = createFaults(createRandom(1))
  const log = createRequestLog()
  for (const rule of rules) faults.add(rule)
  const server = await serve(
    {
      answer: ({ method, path, body }) => ({
        status: 200,
        headers: { 'x-request': 'r1' },
        body: JSON.stringify({ method, path, body, filler: 'x'.repeat(1000) }),
      }),
      control: createControl(faults, log, {
        'GET /boom': () => {
          throw new Error('no')
        },
      }),
      keyTail: () => '1234',
      requestIdHeader: 'x-request',
      faults,
      log,
      now: Date.now,
    },
    0,
    '127.0.0.1',
  )
  onTestFinished(() => server.close())
  const call = (path: string, method = 'GET', body = ''): Promise<Got> =>
    new Promise((resolve) => {
      const from = performance.now()
      const got: Got = { status: 0, body: '', error: null, length: 0, ms: 0 }
      const end = () => resolve({ ...got, ms: performance.now() - from })
      const request = send(server.url + path, { method, agent: false }, (response) => {
        got.status = response.statusCode!
        got.length = Number(response.headers['content-length'])
        response.on('data', (chunk: Buffer) => (got.body += chunk.toString()))
        response.on('error', (error) => (got.error = (error as NodeJS.ErrnoException).code!))
        response.on('close', end)
      })
      request.on('error', (error) => {
        got.error = (error as NodeJS.ErrnoException).code!
        if (got.status === 0) end()
      })
      request.end(body)
    })
  return { call, log: log.entries }
}

test('a request is answered and logged with its query, status and the tail of its key', async () => {
  const { call, log } = await start()
  expect(await call('/a?b=c', 'POST', 'x=1')).toMatchObject({ status: 200, error: null })
  expect(log).toMatchObject([
    {
      method: 'POST',
      path: '/a',
      query: 'b=c',
      status: 200,
      key: '1234',
      requestId: 'r1',
      fault: null,
    },
  ])
})

test('a reset comes before any header, a cut after half of the body', async () => {
  const { call, log } = await start({ kind: 'reset', count: 1 }, { kind: 'cut', count: 1 })
  expect(await call('/')).toMatchObject({ status: 0, error: 'ECONNRESET' })
  const cut = await call('/')
  expect(cut).toMatchObject({ status: 200, error: 'ECONNRESET' })
  expect(cut.body.length).toBe(cut.length >> 1)
  expect(log.map(({ status, fault }) => [status, fault])).toEqual([
    [0, 'reset'],
    [200, 'cut'],
  ])
})

test('a reset in mid-body sends as many bytes as it is told', async () => {
  const { call } = await start({ kind: 'reset', bytes: 10 })
  expect(await call('/')).toMatchObject({ status: 200, error: 'ECONNRESET' })
})

test('a slow body and a late answer are whole', async () => {
  const { call } = await start({ kind: 'slow', ms: 100, count: 1 }, { kind: 'latency', ms: 80 })
  for (let turn = 0; turn < 2; turn++) {
    const got = await call('/')
    expect(got).toMatchObject({ status: 200, error: null })
    expect(got.body.length).toBe(got.length)
    expect(got.ms).toBeGreaterThan(70)
  }
})

test('HTML comes where JSON was asked for', async () => {
  const { call } = await start({ kind: 'html', status: 502 })
  expect(await call('/')).toMatchObject({ status: 502, body: expect.stringContaining('<h1>') })
})

test('faults and log are read and set from outside, and mistakes are told', async () => {
  const { call, log } = await start()
  const put = await call('/_sim/faults', 'PUT', '[{"kind":"html","count":1}]')
  expect(JSON.parse(put.body)).toEqual({ faults: [{ kind: 'html', count: 1, hits: 0 }] })
  expect((await call('/x')).body).toContain('<h1>')
  expect(JSON.parse((await call('/_sim/faults')).body)).toMatchObject({ faults: [{ hits: 1 }] })
  expect(JSON.parse((await call('/_sim/log')).body)).toMatchObject({ log: [{ path: '/x' }] })
  expect(log.length).toBe(1)
  expect(await call('/_sim/faults', 'POST', '{"kind":"nonsense"}')).toMatchObject({ status: 400 })
  expect(await call('/_sim/boom')).toMatchObject({ status: 400, body: '{"error":"no"}' })
  expect(await call('/_sim/nowhere')).toMatchObject({ status: 404 })
})
