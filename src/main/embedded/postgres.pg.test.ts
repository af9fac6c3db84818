import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { ConfigError } from '../../config.ts'
import { isRunning } from './identity.ts'
import { anyFree } from './ports.ts'
import { type Postgres, startPostgres } from './postgres.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-embedded-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function start(options: { port?: number } = {}): Promise<Postgres> {
  const server = await startPostgres({ dir: join(dir, 'postgres'), durable: false, ...options })
  onTestFinished(server.stop)
  return server
}

async function query<T>(server: Postgres, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(server.url, { max: 1 })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

test('a second start goes on with the data, the password and the port of the first', async () => {
  const first = await start()
  await query(first, (sql) => sql`create table kept as select 'ü' as letter`)
  await first.stop()
  expect(isRunning(first.part.identity)).toBe(false)
  const second = await start()
  expect(second.url).toBe(first.url)
  expect(await query(second, (sql) => sql`select letter from kept`)).toEqual([{ letter: 'ü' }])
})

test('the cluster is UTF8 in the C locale, takes no connection without its password, and none from outside', async () => {
  const server = await start()
  const [row] = await query(
    server,
    (sql) => sql`
      select pg_encoding_to_char(encoding) as encoding, datcollate, current_setting('listen_addresses') as listens
      from pg_database where datname = 'postgres'`,
  )
  expect(row).toEqual({ encoding: 'UTF8', datcollate: 'C', listens: '127.0.0.1' })
  expect(statSync(join(dir, 'postgres', 'password')).mode & 0o777).toBe(0o600)
  const wrong = postgres(server.url.replace(/:[0-9a-f]+@/, ':wrong@'), { max: 1 })
  onTestFinished(() => wrong.end())
  await expect(wrong`select 1`).rejects.toThrow('password authentication failed')
})

test('when the port of the last start is taken, another one is', async () => {
  const first = await start()
  await first.stop()
  const blocker = createServer().listen(first.port, '127.0.0.1')
  onTestFinished(() => void blocker.close())
  const second = await start()
  expect(second.port).not.toBe(first.port)
})

test('a port that was asked for and is taken is one clear sentence', async () => {
  const port = await anyFree()
  const blocker = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void blocker.close())
  await expect(start({ port })).rejects.toThrow(`Port ${port} for the embedded Postgres is taken`)
})

test('a data directory of another major version is refused, and not touched', async () => {
  const server = await start()
  await server.stop()
  const file = join(dir, 'postgres', 'data', 'PG_VERSION')
  writeFileSync(file, '15\n')
  const error = await start().catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).message).toMatch(
    /was made by PostgreSQL 15, and the embedded one is \d+/,
  )
  expect(readFileSync(file, 'utf8')).toBe('15\n')
})

test('a server that was killed is started again with what it had committed', async () => {
  const first = await start()
  await query(first, (sql) => sql`create table kept as select 1 as n`)
  process.kill(first.pid, 'SIGKILL')
  await first.part.ended
  const second = await start()
  expect(await query(second, (sql) => sql`select n from kept`)).toEqual([{ n: 1 }])
})
