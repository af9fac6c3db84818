import { toNumber } from '../db/pools.ts'
import type { Query } from '../db/pools.ts'
import { durationMs } from '../domain/duration.ts'
import { AppError } from '../domain/error.ts'
import type { SourceFilter } from './filters.ts'

/** Where a consumer begins: `all`, `new`, `last`, a duration (`1h`), from a position or a time on. */
export type DeliverPolicy = string | { from_idx: number } | { from_time: string }

/** The cursor that a policy means now: everything after it is delivered. Throws AppError `invalid` for what is no policy. */
export async function startOf(
  sql: Query,
  { streamNo, filter, policy }: { streamNo: number; filter: SourceFilter; policy: DeliverPolicy },
): Promise<number> {
  if (typeof policy === 'object') {
    if ('from_idx' in policy) return Math.max(0, policy.from_idx - 1)
    return await seek(sql, streamNo, microsOf(policy.from_time))
  }
  switch (policy) {
    case 'all':
      return 0
    case 'new':
      return await headOf(sql, streamNo)
    case 'last':
      return await beforeLast(sql, streamNo, filter)
    default:
      break
  }
  const ms = durationMs(policy)
  if (ms === null) throw noPolicy()
  const [row] = await sql<{ micros: string }[]>`
    select (extract(epoch from clock_timestamp()) * 1000000)::bigint - ${ms}::bigint * 1000 as micros`
  return await seek(sql, streamNo, row!.micros)
}

async function headOf(sql: Query, streamNo: number): Promise<number> {
  const [row] = await sql<{ last_idx: string }[]>`
    select last_idx from stream_head where stream_no = ${streamNo} order by last_idx desc limit 1`
  return row === undefined ? 0 : toNumber(row.last_idx)
}

/** `micros`: since 1970. */
async function seek(sql: Query, streamNo: number, micros: string): Promise<number> {
  const [row] = await sql<{ idx: string | null }[]>`
    select stream_seek_v1(${streamNo}, timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond') as idx`
  return toNumber(row?.idx ?? '0')
}

/** A time of ISO 8601 in microseconds; what lies before 1970 is 1970: years and offsets that Postgres cannot read are times too. */
function microsOf(time: string): string {
  const ms = Date.parse(time)
  if (Number.isNaN(ms)) throw noPolicy()
  const [, fraction = ''] = /\.(\d+)/.exec(time) ?? []
  const micros = Math.floor(ms / 1000) * 1e6 + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return String(Math.max(0, micros))
}

/** Before the newest record that fits; where none does, at the head. */
async function beforeLast(sql: Query, streamNo: number, filter: SourceFilter): Promise<number> {
  const json = filter === null ? null : JSON.stringify(filter)
  const [row] = await sql<{ idx: string }[]>`
    select r.updated_idx as idx
      from record r
     where r.stream_no = ${streamNo}
       and (${json}::jsonb is null or r.source_no = any(stream_sources_v1(${streamNo}, ${json}::jsonb)))
     order by r.updated_idx desc
     limit 1`
  return row === undefined ? await headOf(sql, streamNo) : toNumber(row.idx) - 1
}

function noPolicy(): AppError {
  const reason =
    'must be `all`, `new`, `last`, a duration such as `1h`, {"from_idx": 1} or {"from_time": "2026-01-31T00:00:00Z"}'
  return new AppError('invalid', `deliver_policy ${reason}.`, {
    fields: { deliver_policy: [reason] },
  })
}
