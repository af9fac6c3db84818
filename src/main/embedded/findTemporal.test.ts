import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError } from '../../config.ts'
import { cachePath, findTemporal, isUsable, TEMPORAL_VERSION, type Ways } from './findTemporal.ts'

let cache: string
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'sluice-cache-'))
})
afterEach(() => rmSync(cache, { recursive: true, force: true }))

/** Nothing is there and nothing works, but what is given. */
function find(
  given: { installed?: Record<string, string>; versions?: Record<string, string> } & Partial<Ways>,
) {
  const said: string[] = []
  const { installed = {}, versions = {}, ...ways } = given
  const found = findTemporal({
    env: { XDG_CACHE_HOME: cache },
    say: (line) => said.push(line),
    ways: {
      onPath: (name) => installed[name] ?? null,
      versionOf: async (binary) => versions[binary] ?? null,
      download: async () => {
        throw new Error('the download is closed')
      },
      build: async () => {
        throw new Error('the build failed')
      },
      ...ways,
    },
  })
  return { found, said }
}

const target = () => cachePath({ XDG_CACHE_HOME: cache })

test('the temporal on the PATH comes first', async () => {
  const versions = { '/bin/temporal': '1.8.0', [target()]: TEMPORAL_VERSION }
  const { found } = find({ installed: { temporal: '/bin/temporal' }, versions })
  expect(await found).toEqual({ binary: '/bin/temporal', from: 'path' })
})

test('one on the PATH that is too old is named and passed over', async () => {
  const versions = { '/bin/temporal': '1.1.0', [target()]: TEMPORAL_VERSION }
  const { found, said } = find({ installed: { temporal: '/bin/temporal' }, versions })
  expect(await found).toEqual({ binary: target(), from: 'cache' })
  expect(said.join()).toContain('1.1.0')
})

test('the cache comes before any download', async () => {
  const { found } = find({
    versions: { [target()]: TEMPORAL_VERSION },
    download: () => Promise.reject(new Error('was called')),
  })
  expect(await found).toEqual({ binary: target(), from: 'cache' })
})

test('the download comes before the build, and is kept under the name of its version', async () => {
  const { found } = find({
    installed: { go: '/bin/go' },
    download: async (path) => writeFileSync(path, 'binary'),
  })
  expect(await found).toEqual({
    binary: join(cache, 'sluice', `temporal-${TEMPORAL_VERSION}`),
    from: 'download',
  })
})

test('where nothing can be downloaded, Go builds it', async () => {
  const { found, said } = find({
    installed: { go: '/bin/go' },
    build: async (path) => writeFileSync(path, 'binary'),
  })
  expect(await found).toEqual({ binary: target(), from: 'build' })
  expect(said).toContain('the download is closed')
})

test('where no way is open, one sentence names all four and why each failed', async () => {
  const error = await find({}).found.catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ConfigError)
  const message = (error as ConfigError).message
  for (const part of [
    'TEMPORAL_ADDRESS',
    'PATH',
    target(),
    'install Go',
    'the download is closed',
  ]) {
    expect(message).toContain(part)
  }
})

test('a cache that cannot be written is said before anything is fetched', async () => {
  writeFileSync(join(cache, 'sluice'), 'a file where the folder should be')
  const { found } = find({ download: async () => expect.unreachable() })
  await expect(found).rejects.toThrow('cannot be written')
})

test('versions are compared by number, not as text', () => {
  expect(['1.5.0', '1.10.0', '2.0.0', '1.8.2-rc.1'].every(isUsable)).toBe(true)
  expect(['1.4.9', '0.13.0', 'unknown'].some(isUsable)).toBe(false)
})
