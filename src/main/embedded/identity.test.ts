import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { identify, isRunning, readPidFile, stopProcess, writePidFile } from './identity.ts'

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

/** A process that waits; `mark` stands in its command line. */
async function waiting(mark: string, before = ''): Promise<{ pid: number; child: ChildProcess }> {
  const child = spawn('/bin/sh', ['-c', `${before}\necho up; read -r x`, mark], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  started.push(child)
  await once(child.stdout, 'data')
  return { pid: child.pid!, child }
}

test('a process is ours while it runs, and not after', async () => {
  const { pid, child } = await waiting('mark-one')
  const identity = identify(pid, 'mark-one')!
  expect(isRunning(identity)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isRunning(identity)).toBe(false)
})

test('another process under the same pid is not ours: other start time, or other command line', async () => {
  const { pid } = await waiting('mark-two')
  const identity = identify(pid, 'mark-two')!
  expect(isRunning({ ...identity, startedAt: `${identity.startedAt}0` })).toBe(false)
  expect(isRunning({ ...identity, mark: 'mark-three' })).toBe(false)
})

test('a process that is not ours is left alone', async () => {
  const { pid } = await waiting('mark-four')
  const identity = identify(pid, 'mark-four')!
  const foreign = { ...identity, startedAt: '1' }
  expect(await stopProcess(foreign, { signal: 'SIGTERM', graceMs: 1_000 })).toBe('gone')
  expect(isRunning(identity)).toBe(true)
})

test('a process of ours ends by the signal, or is killed when it does not listen', async () => {
  const polite = await waiting('mark-five')
  const five = identify(polite.pid, 'mark-five')!
  expect(await stopProcess(five, { signal: 'SIGTERM', graceMs: 5_000 })).toBe('stopped')
  const deaf = await waiting('mark-six', "trap '' TERM")
  const six = identify(deaf.pid, 'mark-six')!
  expect(await stopProcess(six, { signal: 'SIGTERM', graceMs: 100 })).toBe('killed')
  expect(isRunning(six)).toBe(false)
})

test('a pid file is read back, and anything else in it is nobody', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-pid-'))
  const file = join(dir, 'pid')
  const identity = identify(process.pid, 'node')!
  writePidFile(file, identity)
  expect(readPidFile(file)).toEqual(identity)
  for (const text of ['', '123', '{"pid":"1"}', '{"pid":1,"startedAt":"2","mark":""}', 'null']) {
    writeFileSync(file, text)
    expect(readPidFile(file)).toBeNull()
  }
  rmSync(dir, { recursive: true })
})
