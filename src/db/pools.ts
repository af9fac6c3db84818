import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { assert } from '../domain/error.ts'
import { arrays } from './arrays.ts'
import { sheltered } from './begin.ts'
import { dense } from './dense.ts'
import * as schema from './schema/control.ts'

/** A raw pool: int8, timestamps and json come back as text, and go in as text. */
export type Sql = postgres.Sql
/** A transaction of a raw pool, or the pool itself. */
export type Query = postgres.ISql

export type Db = ReturnType<typeof openControl>['db']

export type PoolOptions = {
  /** Shown in pg_stat_activity, with the name of the pool behind it. */
  applicationName: string
  /** Connections of each pool. */
  control?: number
  write?: number
  deliver?: number
}

export type Pools = {
  /** The control plane, by drizzle; with camelCase names. */
  db: Db
  /** The client that `db` uses. drizzle rewrites its parsers: for nothing else. */
  control: Sql
  /** Records, checkpoints, hints, quota: what must survive a crash once it is answered. */
  write: Sql
  /** next and ack: a crash of the database costs a redelivery, which is allowed. */
  deliver: Sql
  /** For `sql.listen`, which opens one connection of its own and keeps it up. */
  listen: Sql
  end(): Promise<void>
}

/**
 * One pool for each kind of traffic, so that writers that wait for a stream's lock never hold the connections that `next`
 * needs. Nothing connects before the first query.
 */
export function openPools(url: string, options: PoolOptions): Pools {
  const { control, db } = openControl(url, options)
  const write = open(url, options, 'write', options.write ?? 8, {
    synchronous_commit: 'on',
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 30_000,
  })
  // A wrong plan for the tiny, churning tables of delivery cost a factor of 20; planning at every call cost a third.
  const deliver = open(url, options, 'deliver', options.deliver ?? 8, {
    synchronous_commit: 'off',
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 10_000,
  })
  const listen = open(url, options, 'listen', 1, {})
  return {
    db,
    control,
    write,
    deliver,
    listen,
    async end() {
      // Whose connection once died in the middle of a query waits this out, whatever it does now (postgres.js 3.4.9).
      await Promise.all([control, write, deliver, listen].map((sql) => sql.end({ timeout: 1 })))
    },
  }
}

/** int8 text of a column that never outgrows a double: positions, counts, epochs. */
export function toNumber(text: string): number {
  const value = Number(text)
  assert(Number.isSafeInteger(value), 'an int8 column holds a safe integer')
  return value
}

export function toNumberOrNull(text: string | null): number | null {
  return text === null ? null : toNumber(text)
}

function openControl(url: string, options: PoolOptions) {
  const control = prepared(
    open(url, options, 'control', options.control ?? 4, {
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 30_000,
    }),
  )
  return { control, db: drizzle(control, { schema, casing: 'snake_case' }) }
}

/**
 * drizzle sends every query unprepared, which costs a round trip and a plan each: 0.6 ms instead of 0.15 for a look-up. But
 * what metadata contains must be planned with its value: the plan for any value walks all rows of a tenant (30 ms at 10,000).
 */
function prepared(sql: Sql): Sql {
  const unsafe = sql.unsafe.bind(sql)
  sql.unsafe = ((query, parameters, settings) =>
    unsafe(query, parameters, { ...settings, prepare: !query.includes(' @> ') })) as Sql['unsafe']
  for (const name of ['begin', 'savepoint'] as const) {
    const within = (sql as unknown as Record<string, unknown>)[name] as Within | undefined
    if (within === undefined) continue
    const wrapped: Within = (...args) => {
      const work = args.pop() as (tx: Sql) => unknown
      return within(...args, (tx: Sql) => work(prepared(tx)))
    }
    Object.assign(sql, { [name]: wrapped })
  }
  return sql
}

type Within = (...args: unknown[]) => unknown

type Settings = Record<string, string | number>

/**
 * A query is bound to its connection before that is up: with the library's own waits, up to 20 s, a few refused connections
 * kept queries waiting for 20 s after the database was there again, beside connections that were idle (measured).
 */
function reconnectAfterS(attempt: number): number {
  return Math.min(0.05 * 2 ** attempt, 1) * (0.5 + Math.random() / 2)
}

/**
 * Parsers off: `Date` drops microseconds, `JSON.parse` drops digits beyond 2^53. Serialisers off: `${text}::json` would
 * be encoded twice.
 */
function open(url: string, options: PoolOptions, pool: string, max: number, settings: Settings) {
  const asIs = (value: unknown) => value
  const serialize = (value: unknown) => (value instanceof Date ? value.toISOString() : value)
  const sql = postgres(url, {
    max,
    connect_timeout: 10,
    idle_timeout: 300,
    backoff: reconnectAfterS,
    onnotice: () => {},
    connection: {
      application_name: `${options.applicationName}:${pool}`,
      TimeZone: 'UTC',
      ...settings,
    },
    fetch_types: false,
    types: {
      ...arrays,
      date: { to: 1184, from: [1082, 1083, 1114, 1184], serialize, parse: asIs },
      json: { to: 114, from: [114, 3802], serialize: asIs, parse: asIs },
    },
  })
  return dense(sheltered(sql)) as unknown as Sql
}
