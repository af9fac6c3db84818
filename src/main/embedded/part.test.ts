import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Identity, isRunning } from './identity.ts'
import { lastLines, startPart } from './part.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-part-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const options = (script: string) => ({
  command: '/bin/sh',
  args: ['-c', script, dir],
  mark: dir,
  logFile: join(dir, 'log'),
  signal: 'SIGTERM' as const,
  graceMs: 300,
})

test('a part writes to its log, runs until it is stopped, and stopping twice is stopping once', async () => {
  const part = await startPart(options('echo said; exec sleep 600'))
  expect(isRunning({ ...part.identity, mark: 'sleep' }) || isRunning(part.identity)).toBe(true)
  await expect.poll(() => readFileSync(join(dir, 'log'), 'utf8')).toBe('said\n')
  await Promise.all([part.stop(), part.stop()])
  expect(part.running()).toBe(false)
  expect(await part.ended).toBe('SIGTERM')
})

test('a part that does not listen is killed after its grace', async () => {
  const part = await startPart(options("trap '' TERM; echo up; while :; do sleep 0.05; done"))
  await expect.poll(() => readFileSync(join(dir, 'log'), 'utf8')).toBe('up\n')
  await part.stop()
  expect(await part.ended).toBe('SIGKILL')
})

test('a part that ends by itself tells how, and its log says why', async () => {
  const part = await startPart(options('echo first; echo the reason >&2; exit 3'))
  expect(await part.ended).toBe('exit code 3')
  expect(lastLines(join(dir, 'log'), 1)).toBe('the reason')
})

test('a program that is not there is an error, not a part', async () => {
  const missing = { ...options(''), command: join(dir, 'nothing') }
  await expect(startPart(missing)).rejects.toThrow('ENOENT')
})

test('a part ends when the process that started it is killed without a word', async () => {
  const code = `
    import { startPart } from ${JSON.stringify(new URL('./part.ts', import.meta.url).href)}
    const part = await startPart(${JSON.stringify({ ...options('echo up; read -r x <&-; while :; do sleep 0.05; done') })})
    console.log(JSON.stringify(part.identity))
    setInterval(() => undefined, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const identity = await new Promise<Identity>((resolve) => {
    starter.stdout.once('data', (data: Buffer) => resolve(JSON.parse(data.toString())))
  })
  expect(isRunning(identity)).toBe(true)
  starter.kill('SIGKILL')
  await expect.poll(() => isRunning(identity), { timeout: 5_000 }).toBe(false)
})
