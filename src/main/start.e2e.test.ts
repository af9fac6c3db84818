import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { environment } from '../config.ts'
import { connectorOf } from '../connectors/registry.ts'
import { type Identity, isRunning, readPidFile } from './embedded/identity.ts'
import { anyFree } from './embedded/ports.ts'

const all = Object.keys(connectorOf('stripe').collections).length

let home: string
let port: number
const started: ChildProcess[] = []

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'sluice-start-'))
  port = await anyFree()
})
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await expect.poll(() => everything().filter(isRunning), { timeout: 20_000 }).toEqual([])
  rmSync(home, { recursive: true, force: true })
})

type Run = {
  child: ChildProcess
  output(): string
  shows(text: string): Promise<void>
  ended: Promise<number | null>
}

/** An entry point as `npm start` runs it, without what the test run itself was given. */
function launch(entry: string, extra: Record<string, string> = {}): Run {
  const { DATABASE_URL: _, TEMPORAL_ADDRESS: __, ...env } = environment()
  const child = spawn(process.execPath, [join(import.meta.dirname, `${entry}.ts`)], {
    env: { ...env, SLUICE_HOME: home, PORT: String(port), ...extra },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (text += data))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const shows = async (wanted: string): Promise<void> => {
    await expect
      .poll(() => (text.includes(wanted) || child.exitCode !== null ? text : ''), {
        timeout: 240_000,
      })
      .toContain(wanted)
  }
  return { child, output: () => text, shows, ended }
}

/** All that runs on this home, by its pid files. */
function everything(): Identity[] {
  const names = readdirSync(join(home, 'pids')).map((name) => join('pids', name))
  return [...names, 'start.pid']
    .map((name) => readPidFile(join(home, name)))
    .filter((found) => found !== null)
}

/** What a person pastes. */
function pasted(output: string): Promise<{ data: { record: { updated_idx: number } }[] }> {
  const [, file = '', url = ''] =
    /curl -s -H "Authorization: Bearer \$\(cat (\S+)\)" '(\S+)'/.exec(output) ?? []
  const headers = { authorization: `Bearer ${readFileSync(file, 'utf8').trim()}` }
  return fetch(url, { headers }).then((answer) => answer.json() as never)
}

test('G11: killed in mid-backfill and started again it goes on, and at rest the stream equals the account', async () => {
  const first = launch('start')
  await first.shows('curl -s')
  await expect
    .poll(async () => (await pasted(first.output())).data.length, { timeout: 20_000 })
    .toBeGreaterThan(0)

  const refused = launch('start')
  expect(await refused.ended).toBe(78)
  expect(refused.output()).toMatch(/^Sluice runs already on .* \(process \d+\): .*\n$/)

  const before = everything()
  expect(before).toHaveLength(6)
  for (const { pid } of before) process.kill(pid, 'SIGKILL')
  await first.ended

  const second = launch('start')
  await second.shows(`${all} of ${all} collections live`)
  const verify = launch('verify')
  expect([await verify.ended, verify.output()]).toEqual([
    0,
    expect.stringContaining('The stream equals the account.'),
  ])

  const after = everything()
  second.child.kill('SIGINT')
  expect(await second.ended).toBe(0)
  expect(after.filter(isRunning)).toEqual([])
  expect(everything()).toEqual([])
}, 400_000)

test('when only the first process is killed, all that it started ends by itself, and the next start does not trip over it', async () => {
  const first = launch('start', { SLUICE_PLAYGROUND: 'off' })
  await first.shows('curl -s')
  const before = everything()
  expect(before).toHaveLength(5)
  first.child.kill('SIGKILL')
  await first.ended
  const second = launch('start', { SLUICE_PLAYGROUND: 'off' })
  await second.shows('curl -s')
  expect(before.filter(isRunning)).toEqual([])
  second.child.kill('SIGTERM')
  expect(await second.ended).toBe(0)
}, 200_000)

test('a start that cannot be is one clear sentence and exit code 78, with nothing half-started', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [
      { SLUICE_HOEM: 'x', PORT: 'many' },
      /^PORT must be a port number\.\n?.*did you mean SLUICE_HOME\?\n$|^SLUICE_HOEM is not .*\nPORT must be a port number\.\n$/,
    ],
    [{ SLUICE_PLAYGROUND: 'nothing' }, /SLUICE_PLAYGROUND names nothing/],
    [
      { DATABASE_URL: 'postgres://u:hidden@127.0.0.1:9/db', SLUICE_PLAYGROUND: 'off' },
      /The database at 127\.0\.0\.1:9 could not be used/,
    ],
    [
      { TEMPORAL_ADDRESS: '127.0.0.1:9', SLUICE_PLAYGROUND: 'off' },
      /Nothing answers at TEMPORAL_ADDRESS \(127\.0\.0\.1:9\)/,
    ],
  ]
  for (const [env, sentence] of cases) {
    const run = launch('start', env)
    expect([await run.ended, run.output()]).toEqual([78, expect.stringMatching(sentence)])
    expect(run.output()).not.toMatch(/hidden|^ +at /m)
  }
  expect(everything()).toEqual([])
}, 120_000)
