import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../config.ts'
import { identify, isRunning, writePidFile } from './embedded/identity.ts'
import { markEnding, openHome } from './home.ts'

let dir: string
const started: ChildProcess[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-home-'))
})
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const open = (env: Record<string, string> = {}, said: string[] = []) =>
  openHome(readConfig({ SLUICE_HOME: join(dir, 'home'), ...env }, 'start'), (line) =>
    said.push(line),
  )

async function waiting(mark: string): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn('/bin/sh', ['-c', 'echo up; read -r x', mark], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  started.push(child)
  await once(child.stdout, 'data')
  return { child, pid: child.pid! }
}

test('G12: the keys are made once, in files that only their owner reads', async () => {
  const first = await open()
  first.close()
  const second = await open()
  second.close()
  expect(second.secrets.apiKey.reveal()).toBe(first.secrets.apiKey.reveal())
  expect(Buffer.from(first.secrets.encryptionKey.reveal(), 'base64')).toHaveLength(32)
  for (const name of ['api-key', 'encryption-key']) {
    expect(statSync(join(dir, 'home', name)).mode & 0o777).toBe(0o600)
  }
})

test('a key that is given is used and not written', async () => {
  const home = await open({ SLUICE_API_KEY: 'a-key-of-my-own-1' })
  home.close()
  expect(home.secrets.apiKey.reveal()).toBe('a-key-of-my-own-1')
  expect(home.secrets.apiKeyFile).toBeNull()
  expect(existsSync(join(dir, 'home', 'api-key'))).toBe(false)
})

test('a home is held by one start at a time', async () => {
  const home = await open()
  await expect(open()).rejects.toThrow(/runs already on .*home \(process \d+\)/)
  home.close()
  const next = await open()
  next.close()
})

test('a start that is on its way out is waited for', async () => {
  const home = await open()
  markEnding(home)
  const next = open()
  setImmediate(() => home.close())
  const opened = await next
  opened.close()
})

test('the lock of a start that was killed is taken over', async () => {
  const home = await open()
  home.close()
  const { child, pid } = await waiting('dead-start')
  writePidFile(join(dir, 'home', 'start.pid'), identify(pid, 'dead-start')!)
  await expect(open()).rejects.toThrow('runs already')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const next = await open()
  next.close()
})

test('what an earlier start left behind is stopped, and what only has its pid is not', async () => {
  const home = await open()
  const left = identify((await waiting('left-worker')).pid, 'left-worker')!
  const foreign = identify((await waiting('foreign')).pid, 'foreign')!
  home.remember('worker', left)
  home.remember('postgres', { ...foreign, startedAt: 'another time' })
  home.close()
  const said: string[] = []
  const next = await open({}, said)
  next.close()
  expect(isRunning(left)).toBe(false)
  expect(isRunning(foreign)).toBe(true)
  expect(said).toEqual([expect.stringContaining(`stopped worker (process ${left.pid})`)])
})

test('a home that cannot be made is one clear sentence', async () => {
  writeFileSync(join(dir, 'file'), '')
  const error = await open({ SLUICE_HOME: join(dir, 'file', 'home') }).catch(
    (caught: unknown) => caught,
  )
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).issues).toEqual([
    expect.stringContaining('cannot be written (ENOTDIR)'),
  ])
})

test('what runs is noted without its keys, and gone afterwards', async () => {
  const home = await open()
  home.noteRunning({
    api: 'http://a',
    simulated: [{ provider: 'p', url: 'http://s', key: 'hidden' } as never],
  })
  const file = join(dir, 'home', 'running.json')
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    api: 'http://a',
    simulated: [{ provider: 'p', url: 'http://s' }],
  })
  home.close()
  expect(existsSync(file)).toBe(false)
})
