/** Attempts to make us call what we should not (SSRF). docs/security.md lists them by number. */
import { expect, test } from 'vitest'
import { createHttp } from '../../src/upstream/http.ts'
import { upstreamServer } from '../support/upstreamServer.ts'

const connector = { title: 'Acme' }
const kind = {
  kind: 'acme_key',
  title: 'Key',
  secrets: [],
  properties: undefined as never,
  baseUrl: () => 'https://api.acme.example',
  auth: () => ({}),
  fallbackAccount: () => '',
}

async function outcome(baseUrl: string, upstreamHosts: string[] = []) {
  const http = createHttp({ upstreamHosts })
  try {
    return await http.checkBaseUrl(connector, kind, baseUrl)
  } catch (error) {
    return (error as { kind: string }).kind
  } finally {
    await http.close()
  }
}

test.each([
  'file:///etc/passwd',
  'gopher://x',
  'ftp://api.acme.example',
  'data:text/plain,x',
  'javascript:1',
  '//api.acme.example',
  'api.acme.example',
])('S50: base_url %s has no scheme that is called', async (url) => {
  expect(await outcome(url)).toBe('invalid')
})

test.each([
  'https://api.acme.example@evil.example',
  'https://api.acme.example:pw@evil.example',
  'https://evil.example#api.acme.example',
  'https://evil.example?api.acme.example',
  'https://evil.example\\@api.acme.example',
  'https://api.acme.example.evil.example',
  'https://evil.example/api.acme.example',
  'https://xn--api-acme-0sf.example',
  'https://аpi.acme.example',
  'https://api.acme.example:8443',
  'https://api.acme.example\r\nHost: evil.example',
])('S51: base_url %j does not pass for the provider', async (url) => {
  const got = await outcome(url)
  if (got !== 'invalid') expect(new URL(got).host).toBe('api.acme.example')
  else expect(got).toBe('invalid')
})

test.each([
  ['decimal', 'http://2130706433'],
  ['octal', 'http://0177.0.0.1'],
  ['hexadecimal', 'http://0x7f.1'],
  ['short', 'http://127.1'],
  ['mapped into IPv6', 'http://[::ffff:127.0.0.1]'],
  ['mapped, in hexadecimal', 'http://[::ffff:7f00:1]'],
  ['compatible', 'http://[::127.0.0.1]'],
  ['by NAT64', 'http://[64:ff9b::7f00:1]'],
  ['by 6to4', 'http://[2002:7f00:1::]'],
  ['with a zone', 'http://[fe80::1%25eth0]'],
  ['unspecified', 'http://0.0.0.0'],
  ['with a dot at its end', 'http://127.0.0.1.'],
])('S52: this machine, %s, is not called', async (_, url) => {
  expect(await outcome(url)).toBe('invalid')
})

test.each([
  'http://169.254.169.254',
  'http://2852039166',
  'http://0251.0376.0251.0376',
  'http://[::ffff:169.254.169.254]',
  'http://[fe80::a9fe:a9fe]',
  'http://[fd00:ec2::254]',
  'http://100.100.100.200',
  'http://168.63.129.16',
])(
  'S53: %s is not called even where the operator names it: metadata of a cloud stands there',
  async (url) => {
    const { hostname } = new URL(url)
    expect(await outcome(url, [hostname])).toBe('invalid')
  },
)

test('S54: the address that is connected to is the one that is judged: a name that changes it after the check gains nothing', async () => {
  await using server = await upstreamServer((_, response) => response.end('secret of the inside'))
  const http = createHttp({ upstreamHosts: [] })
  const url = new URL(server.url)
  // as if it had been harmless when it was checked
  url.hostname = 'localhost'
  const request = {
    url,
    method: 'GET',
    headers: {},
    body: null,
    signal: AbortSignal.timeout(5000),
  } as const
  await expect(http.send(request)).rejects.toMatchObject({ code: 'address-forbidden' })
  expect(server.requests).toEqual([])
  await http.close()
})

test('S55: a redirect into the inside is an answer, and nothing is called', async () => {
  await using inside = await upstreamServer((_, response) => response.end('secret'))
  await using outside = await upstreamServer((_, response) => {
    response.writeHead(302, { location: inside.url })
    response.end()
  })
  const { host } = new URL(outside.url)
  const http = createHttp({ upstreamHosts: [host] })
  const url = new URL(outside.url)
  const answer = await http.send({
    url,
    method: 'GET',
    headers: {},
    body: null,
    signal: AbortSignal.timeout(5000),
  })
  expect(answer.status).toBe(302)
  expect(inside.requests).toEqual([])
  await http.close()
})
