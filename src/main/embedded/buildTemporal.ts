import { spawn } from 'node:child_process'
import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../config.ts'
import { identify } from './identity.ts'
import type { Say } from './findTemporal.ts'

const PACKAGE = 'github.com/temporalio/cli/cmd/temporal'
/** Packages that a build from nothing compiles, for the progress shown; counted with CLI 1.8.2. */
const PACKAGES_ABOUT = 1_717
const SAY_EVERY_MS = 5_000

/**
 * Builds the Temporal CLI from its published Go modules (tools/temporal pins them, with their sums) and moves the binary to
 * `target` when it is whole: 4.5 minutes on 2 cores the first time.
 */
export async function buildTemporal(options: {
  target: string
  version: string
  go: string
  say: Say
  env: Environment
  signal: AbortSignal
}): Promise<void> {
  const { target, version, say } = options
  const building = `${target}.building-${process.pid}`
  removeAbandoned(target)
  const started = Date.now()
  let compiled = 0
  let last = ''
  say(`building the Temporal CLI ${version} with Go: once, about five minutes on two cores`)
  const timer = setInterval(() => {
    const share = Math.min(99, Math.round((100 * compiled) / PACKAGES_ABOUT))
    const doing = compiled === 0 ? 'fetching modules' : `${compiled} packages, about ${share} %`
    say(`building the Temporal CLI: ${doing}, ${Math.round((Date.now() - started) / 1000)} s`)
  }, SAY_EVERY_MS)
  try {
    await go(options, building, (line) => {
      last = line
      if (!line.startsWith('go: ')) compiled++
    })
    chmodSync(building, 0o755)
    renameSync(building, target)
  } catch (cause) {
    rmSync(building, { force: true })
    throw new Error(
      `the Temporal CLI could not be built with Go (${cause instanceof Error ? cause.message : ''}${last === '' ? '' : `: ${last}`})`,
      { cause },
    )
  } finally {
    clearInterval(timer)
  }
}

/** What builds that were killed left half-written. */
function removeAbandoned(target: string): void {
  const folder = dirname(target)
  const mark = `${basename(target)}.building-`
  for (const name of readdirSync(folder).filter((each) => each.startsWith(mark))) {
    const pid = Number(name.slice(mark.length))
    if (identify(pid, '') === null) rmSync(join(folder, name), { force: true })
  }
}

/** `-v` prints one line a package as it is compiled. */
function go(
  options: { version: string; go: string; env: Environment; signal: AbortSignal },
  output: string,
  onLine: (line: string) => void,
): Promise<void> {
  const flags = `-s -w -X github.com/temporalio/cli/internal/temporalcli.Version=${options.version}`
  const cwd = fileURLToPath(new URL('../../../tools/temporal/', import.meta.url))
  const child = spawn(options.go, ['build', '-v', '-ldflags', flags, '-o', output, PACKAGE], {
    cwd,
    env: { ...options.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: options.signal,
  })
  let rest = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`go ended with ${signal ?? code}`)),
    )
  })
}
