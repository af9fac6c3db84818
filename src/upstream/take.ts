import type { Sql } from '../db/pools.ts'
import type { Bucket } from './bucket.ts'

export type SyncAt = { syncId: string; epoch: number }

export type Ask = {
  buckets: Bucket[]
  count: number
  horizonMs: number
  share: number
  sync: SyncAt | null
}

export type Taken = {
  /** The database's clock, ms since 1970. */
  nowMs: number
  /** In the order of the asks. `earlyMs`: how much before its turn a start comes. */
  answers: { stopped: boolean; waitMs: number; starts: { atMs: number; earlyMs: number }[] }[]
}

type Row = {
  now_us: number
  stopped: boolean[]
  wait_us: number[]
  start_ask: number[]
  start_us: number[]
  early_us: number[]
}

/** The typed call of quota_take_v2. Asks most urgent first. */
export async function quotaTake(sql: Sql, credentialId: string, asks: Ask[]): Promise<Taken> {
  const buckets = allBuckets(asks)
  const at = new Map(buckets.map((bucket, index) => [bucket.key, index]))
  const uses = asks.map((ask) =>
    ask.buckets.reduce((mask, { key }) => mask | (1n << BigInt(at.get(key)!)), 0n).toString(),
  )
  const [row] = await sql<Row[]>`
    select * from quota_take_v2(
      ${credentialId}::uuid,
      ${buckets.map(({ key }) => key)}::text[],
      ${buckets.map(({ spacingUs }) => String(spacingUs))}::bigint[],
      ${buckets.map(({ slackUs }) => String(slackUs))}::bigint[],
      ${buckets.map(({ shared }) => (shared ? 1 : 0))}::int[]::boolean[],
      ${uses}::bigint[],
      ${asks.map(({ count }) => String(count))}::int[],
      ${asks.map(({ horizonMs }) => String(horizonMs * 1000))}::bigint[],
      ${asks.map(({ share }) => String(share))}::float8[],
      ${asks.map(({ sync }) => sync?.syncId ?? null)}::uuid[],
      ${asks.map(({ sync }) => (sync === null ? null : String(sync.epoch)))}::bigint[])`
  const { now_us, stopped, wait_us, start_ask, start_us, early_us } = row!
  const answers = asks.map((_, index) => ({
    stopped: stopped[index]!,
    waitMs: wait_us[index]! / 1000,
    starts: [] as { atMs: number; earlyMs: number }[],
  }))
  start_ask.forEach((ask, index) => {
    const start = { atMs: (now_us + start_us[index]!) / 1000, earlyMs: early_us[index]! / 1000 }
    answers[ask - 1]!.starts.push(start)
  })
  return { nowMs: now_us / 1000, answers }
}

/** Each once, sorted by key; of two paces the slower counts. */
function allBuckets(asks: Ask[]): Bucket[] {
  const all = new Map<string, Bucket>()
  for (const bucket of asks.flatMap((ask) => ask.buckets)) {
    const other = all.get(bucket.key)
    if (other === undefined || other.spacingUs < bucket.spacingUs) all.set(bucket.key, bucket)
  }
  return [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
