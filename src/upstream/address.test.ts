import { expect, test } from 'vitest'
import { isAppError } from '../domain/error.ts'
import { addressAllowed, guardedLookup } from './address.ts'
import { createHttp } from './http.ts'

test.each([
  ['169.254.169.254', false, false],
  ['::ffff:169.254.169.254', false, false],
  ['100.100.100.200', false, false],
  ['fd00:ec2::254', false, false],
  ['fe80::1', false, false],
  ['0.0.0.0', false, false],
  ['224.0.0.1', false, false],
  ['127.0.0.1', false, true],
  ['::1', false, true],
  ['::ffff:127.0.0.1', false, true],
  ['10.1.2.3', false, true],
  ['172.31.0.1', false, true],
  ['192.168.1.1', false, true],
  ['fd12::1', false, true],
  ['64:ff9b::a00:1', false, true],
  ['2002:a00:1::1', false, true],
  ['2001:0:a00:1::1', false, true],
  ['::10.0.0.1', false, true],
  ['198.18.0.1', false, true],
  ['54.187.174.169', true, true],
  ['2606:4700::1111', true, true],
])('%s may be called: %s; where the operator names the host: %s', (address, open, named) => {
  expect([addressAllowed(address, false), addressAllowed(address, true)]).toEqual([open, named])
})

test('a host name that leads to this machine is not called unless the operator names it', async () => {
  const look = (named: boolean) =>
    new Promise((resolve) => {
      guardedLookup(() => named)('localhost', { all: true }, (error, found) =>
        resolve(error ?? found),
      )
    })
  expect(isAppError(await look(false), 'permanent')).toBe(true)
  expect(await look(true)).not.toEqual([])
})

const connector = { title: 'Acme' }
const kind = {
  kind: 'acme_key',
  title: 'Key',
  secrets: [],
  properties: undefined as never,
  baseUrl: () => 'https://203.0.113.7/api',
  auth: () => ({}),
  fallbackAccount: () => '',
}

test.each([
  ['https://203.0.113.7/api/', 'https://203.0.113.7/api'],
  ['http://sandbox.test:8080', 'http://sandbox.test:8080'],
  ['http://127.0.0.1:7111/', 'http://127.0.0.1:7111'],
])('base_url %s is called as %s', async (given, called) => {
  await using http = httpFor(['sandbox.test:8080', '127.0.0.1'])
  expect(await http.checkBaseUrl(connector, kind, given)).toBe(called)
})

test.each([
  ['no address', 'nonsense'],
  ['another protocol', 'ftp://203.0.113.7'],
  ['a foreign host', 'https://evil.example'],
  ['another port of the own host', 'https://203.0.113.7:8443'],
  ['no encryption on the own host', 'http://203.0.113.7'],
  ['another port than the named one', 'http://sandbox.test:8081'],
  ['a user name', 'https://user@203.0.113.7'],
  ['a query', 'https://203.0.113.7/?x=1'],
  ['a metadata service, though named', 'http://169.254.169.254'],
  ['a metadata service in decimal', 'http://2852039166'],
])('base_url with %s is refused', async (_, given) => {
  await using http = httpFor(['sandbox.test:8080', '169.254.169.254'])
  await expect(http.checkBaseUrl(connector, kind, given)).rejects.toMatchObject({
    kind: 'invalid',
    fields: { base_url: [expect.any(String)] },
  })
})

function httpFor(upstreamHosts: string[]) {
  const http = createHttp({ upstreamHosts })
  return { ...http, [Symbol.asyncDispose]: () => http.close() }
}
