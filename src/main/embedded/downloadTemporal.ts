import { spawn } from 'node:child_process'
import { chmodSync, createWriteStream, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EnvHttpProxyAgent, fetch } from 'undici'
import type { Say } from './findTemporal.ts'

/** A closed network must be noticed soon; once bytes come, the download may take its time, as long as they keep coming. */
const FIRST_BYTE_MS = 5_000
const STALL_MS = 20_000

const ORIGIN = 'https://github.com/temporalio/cli/releases/download'

/** Downloads the official archive of the Temporal CLI and moves the binary to `target` when it is whole. */
export async function downloadTemporal(options: {
  target: string
  version: string
  say: Say
  signal: AbortSignal
  /** Another place of the same layout. */
  origin?: string
  firstByteMs?: number
}): Promise<void> {
  const { target, version, say } = options
  const cpu = new Map([
    ['x64', 'amd64'],
    ['arm64', 'arm64'],
  ]).get(arch())
  if (cpu === undefined || !['linux', 'darwin'].includes(platform())) {
    throw new Error(`there is no official Temporal CLI for ${platform()} ${arch()}`)
  }
  const url = `${options.origin ?? ORIGIN}/v${version}/temporal_cli_${version}_${platform()}_${cpu}.tar.gz`
  const folder = mkdtempSync(join(dirname(target), '.download-'))
  try {
    say(`downloading the Temporal CLI ${version} (once, about 60 MB)`)
    await fetchTo(url, join(folder, 'archive.tar.gz'), options)
    await untar(folder)
    chmodSync(join(folder, 'temporal'), 0o755)
    renameSync(join(folder, 'temporal'), target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fetchTo(
  url: string,
  file: string,
  options: { say: Say; signal: AbortSignal; firstByteMs?: number },
): Promise<void> {
  const { say, signal } = options
  const abort = new AbortController()
  let timer = setTimeout(() => abort.abort(), options.firstByteMs ?? FIRST_BYTE_MS)
  const keepAlive = (patienceMs: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => abort.abort(), patienceMs)
  }
  try {
    const answer = await fetch(url, {
      signal: AbortSignal.any([abort.signal, signal]),
      dispatcher: new EnvHttpProxyAgent(),
    })
    if (!answer.ok || answer.body === null) throw new Error(`status ${answer.status}`)
    keepAlive(STALL_MS)
    const total = Number(answer.headers.get('content-length') ?? 0)
    let seen = 0
    let said = Date.now()
    const progress = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        keepAlive(STALL_MS)
        seen += chunk.length
        if (Date.now() - said > 2_000) {
          said = Date.now()
          say(
            `downloading the Temporal CLI: ${megabytes(seen)}${total > 0 ? ` of ${megabytes(total)}` : ''} MB`,
          )
        }
        done(null, chunk)
      },
    })
    await pipeline(Readable.fromWeb(answer.body as never), progress, createWriteStream(file))
  } catch (cause) {
    const reason = abort.signal.aborted ? 'no answer in time' : networkReason(cause)
    throw new Error(
      `the Temporal CLI could not be downloaded from ${new URL(url).host} (${reason})`,
      { cause },
    )
  } finally {
    clearTimeout(timer)
  }
}

function networkReason(error: unknown): string {
  const cause = (error as { cause?: { code?: string } }).cause
  return cause?.code ?? (error instanceof Error ? error.message : String(error))
}

function untar(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('tar', ['-xzf', join(folder, 'archive.tar.gz'), '-C', folder, 'temporal'], {
      stdio: 'ignore',
    })
    child.once('error', () =>
      reject(
        new Error('the archive of the Temporal CLI could not be unpacked: there is no tar here'),
      ),
    )
    child.once('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new Error('the archive of the Temporal CLI could not be unpacked')),
    )
  })
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0)
}
