import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { downloadTemporal } from './downloadTemporal.ts'
import { anyFree } from './ports.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-download-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function served(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function download(origin: string, signal = new AbortController().signal): Promise<void> {
  const target = join(dir, 'temporal-9.9.9')
  return downloadTemporal({
    target,
    version: '9.9.9',
    say: () => undefined,
    signal,
    origin,
    firstByteMs: 200,
  })
}

test('the binary of the archive ends at its place, executable, and nothing else is left', async () => {
  const packed = mkdtempSync(join(tmpdir(), 'sluice-packed-'))
  writeFileSync(join(packed, 'temporal'), 'the binary')
  writeFileSync(join(packed, 'LICENSE'), 'text')
  execFileSync('tar', ['-czf', join(packed, 'a.tar.gz'), '-C', packed, 'LICENSE', 'temporal'])
  const paths: string[] = []
  const origin = await served((request, response) => {
    paths.push(request.url ?? '')
    response.end(readFileSync(join(packed, 'a.tar.gz')))
  })
  await download(origin)
  rmSync(packed, { recursive: true })
  expect(readdirSync(dir)).toEqual(['temporal-9.9.9'])
  expect(readFileSync(join(dir, 'temporal-9.9.9'), 'utf8')).toBe('the binary')
  expect(statSync(join(dir, 'temporal-9.9.9')).mode & 0o111).toBe(0o111)
  expect(paths).toEqual([
    expect.stringMatching(
      /^\/v9\.9\.9\/temporal_cli_9\.9\.9_(linux|darwin)_(amd64|arm64)\.tar\.gz$/,
    ),
  ])
})

test('a network that does not answer is given up soon, and leaves nothing behind', async () => {
  const origin = await served(() => undefined)
  await expect(download(origin)).rejects.toThrow('no answer in time')
  expect(readdirSync(dir)).toEqual([])
})

test('an archive that is not there, or is none, leaves nothing behind', async () => {
  const missing = await served((_, response) => response.writeHead(404).end())
  await expect(download(missing)).rejects.toThrow('status 404')
  const page = await served((_, response) => response.end('<html>please log in</html>'))
  await expect(download(page)).rejects.toThrow('could not be unpacked')
  expect(readdirSync(dir)).toEqual([])
})

test('a refused connection says so', async () => {
  await expect(download(`http://127.0.0.1:${await anyFree()}`)).rejects.toThrow('ECONNREFUSED')
})

test('a start that is being stopped stops the download', async () => {
  const aborted = new AbortController()
  const origin = await served(() => aborted.abort())
  await expect(download(origin, aborted.signal)).rejects.toThrow('could not be downloaded')
  expect(readdirSync(dir)).toEqual([])
})
