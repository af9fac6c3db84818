import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { cachePath } from '../../src/main/embedded/findTemporal.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { onPath } from '../../src/main/embedded/runAs.ts'
import { gone } from './stack.ts'

const version = '2.15.2'

/** JetStream with a file store. Null, with one line of why, where there is neither the server nor Go to build it. */
export async function startNats(): Promise<{ url: string; stop(): Promise<void> } | null> {
  const binary = onPath('nats-server') ?? (await built())
  if (binary === null) {
    console.error(
      'NATS JetStream is skipped: there is no nats-server on the PATH, and no Go to build one.',
    )
    return null
  }
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-nats-'))
  const port = await anyFree()
  const child = spawn(binary, ['-js', '-sd', dir, '-a', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  })
  await untilListening(port, child)
  return {
    url: `nats://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM')
      await gone(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** From its published Go module, once (half a minute on two cores); Go checks its sum. */
async function built(): Promise<string | null> {
  const binary = join(dirname(cachePath(process.env)), `nats-server-${version}`)
  if (existsSync(binary)) return binary
  const go = onPath('go')
  if (go === null) return null
  console.error(`building nats-server ${version} with Go: once, about half a minute`)
  mkdirSync(dirname(binary), { recursive: true })
  const bin = mkdtempSync(join(dirname(binary), 'nats-building-'))
  try {
    const env = { ...process.env, GOBIN: bin, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' }
    const module = `github.com/nats-io/nats-server/v2@v${version}`
    await promisify(execFile)(go, ['install', '-trimpath', '-ldflags=-s -w', module], { env })
    renameSync(join(bin, 'nats-server'), binary)
  } finally {
    rmSync(bin, { recursive: true, force: true })
  }
  return binary
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (up) return
    await delay(50)
  }
  throw new Error(`nats-server ended with ${child.exitCode}`)
}
