import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { environment } from '../../config.ts'
import { buildTemporal } from './buildTemporal.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  mkdirSync(join(dir, 'cache'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

/** A Go that does what `script` says; `$out` is where the binary belongs. */
function build(script: string, signal = new AbortController().signal) {
  const go = join(dir, 'go')
  writeFileSync(go, `#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; out=$2\n${script}\n`)
  chmodSync(go, 0o755)
  const said: string[] = []
  const target = join(dir, 'cache', 'temporal-9.9.9')
  const built = buildTemporal({
    target,
    version: '9.9.9',
    go,
    say: (line) => said.push(line),
    env: environment(),
    signal,
  })
  return { built, said }
}

test('the binary appears at its place only when it is whole', async () => {
  const { built, said } = build(
    '[ "$CGO_ENABLED" = 0 ] && grep -q temporalio/cli go.mod && printf binary > "$out"',
  )
  await built
  expect(readdirSync(join(dir, 'cache'))).toEqual(['temporal-9.9.9'])
  expect(readFileSync(join(dir, 'cache', 'temporal-9.9.9'), 'utf8')).toBe('binary')
  expect(said[0]).toContain('once, about five minutes')
})

test('a build that fails says the last thing that Go said, and leaves nothing', async () => {
  const { built } = build('printf half > "$out"; echo "go: no such host" >&2; exit 1')
  await expect(built).rejects.toThrow(
    'could not be built with Go (go ended with 1: go: no such host)',
  )
  expect(readdirSync(join(dir, 'cache'))).toEqual([])
})

test('a start that is being stopped stops the build', async () => {
  const aborted = new AbortController()
  const { built } = build('exec sleep 600', aborted.signal)
  aborted.abort()
  await expect(built).rejects.toThrow('could not be built')
  expect(readdirSync(join(dir, 'cache'))).toEqual([])
})

test('what a killed build left is removed, and what another one is writing is not', async () => {
  writeFileSync(join(dir, 'cache', 'temporal-9.9.9.building-999999999'), 'half')
  writeFileSync(join(dir, 'cache', `temporal-9.9.9.building-${process.ppid}`), 'half')
  await build('printf binary > "$out"').built
  expect(readdirSync(join(dir, 'cache')).sort()).toEqual([
    'temporal-9.9.9',
    `temporal-9.9.9.building-${process.ppid}`,
  ])
})
