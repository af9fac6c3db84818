/** What the rows say of the whole installation, for Prometheus: counts by small closed sets, never by id. */
import { Counter, Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'

/** However often one scrapes, the database is asked at most this often. */
const goodForMs = 10_000
/** How far consumers are behind: classes by records, `le` like a histogram of now. */
const behind = [0, 100, 10_000, 1_000_000]

type Facts = {
  syncs: Record<string, number>
  overdue: number
  collections: Record<string, number>
  touched: number
  touchedOldestS: number
  heldDeletes: number
  quarantined: number
  consumerLags: { records: number; seconds: number }[]
  granted: Record<string, number>
  blocked: number
}

/** Registers the gauges; each is read from the database when it is scraped, all of them in one query. */
export function registerGauges(registry: Registry, sql: Sql, now: () => number): void {
  let known: { at: number; facts: Promise<Facts> } | null = null
  const facts = async (): Promise<Facts> => {
    if (known === null || now() - known.at > goodForMs) {
      known = { at: now(), facts: read(sql) }
      known.facts.catch(() => (known = null))
    }
    return await known.facts
  }
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    values: (facts: Facts) => [Record<string, string>, number][],
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        // Without a database there is no value, and no stale one either.
        this.reset()
        for (const [labels, value] of values(await facts().catch(() => nothing)))
          this.set(labels, value)
      },
    })

  gauge('sluice_syncs', 'Syncs, by what they are asked to be.', ['status'], ({ syncs }) =>
    labelled('status', syncs),
  )
  gauge('sluice_syncs_overdue', 'Syncs whose sign of life is overdue.', [], one('overdue'))
  gauge('sluice_collections', 'Collections of syncs, by phase.', ['phase'], (read) =>
    labelled('phase', read.collections),
  )
  gauge('sluice_touched_backlog', 'Records that are to be looked at.', [], one('touched'))
  gauge('sluice_touched_oldest_seconds', 'Age of the oldest of them.', [], one('touchedOldestS'))
  gauge('sluice_held_deletes', 'Deletes that wait for approval.', [], one('heldDeletes'))
  gauge('sluice_quarantined_records', 'Records in quarantine.', [], one('quarantined'))
  gauge('sluice_quota_blocked', 'Credentials that were told to wait.', [], one('blocked'))
  gauge('sluice_consumers', 'Consumers that are at most `le` records behind.', ['le'], (read) =>
    [...behind, Infinity].map((le) => [
      { le: le === Infinity ? '+Inf' : String(le) },
      read.consumerLags.filter((lag) => lag.records <= le).length,
    ]),
  )
  gauge('sluice_consumer_lag_records', 'Records that the slowest consumer is behind.', [], (read) =>
    most(read.consumerLags.map((lag) => lag.records)),
  )
  gauge('sluice_consumer_lag_seconds', 'Since the first record it has to take.', [], (read) =>
    most(read.consumerLags.map((lag) => lag.seconds)),
  )
  const granted = new Counter({
    name: 'sluice_quota_granted_total',
    help: 'Requests that the quota let start, of all processes.',
    labelNames: ['provider'],
    registers: [registry],
    async collect() {
      granted.reset()
      const read = await facts().catch(() => nothing)
      for (const [labels, value] of labelled('provider', read.granted)) granted.inc(labels, value)
    },
  })
}

const nothing: Facts = {
  syncs: {},
  overdue: NaN,
  collections: {},
  touched: NaN,
  touchedOldestS: NaN,
  heldDeletes: NaN,
  quarantined: NaN,
  consumerLags: [],
  granted: {},
  blocked: NaN,
}

type Numeric = { [Key in keyof Facts]: Facts[Key] extends number ? Key : never }[keyof Facts]

function one(key: Numeric): (facts: Facts) => [Record<string, string>, number][] {
  return (facts) => (Number.isNaN(facts[key]) ? [] : [[{}, facts[key]]])
}

function most(values: number[]): [Record<string, string>, number][] {
  return [[{}, Math.max(0, ...values)]]
}

function labelled(
  label: string,
  counts: Record<string, number>,
): [Record<string, string>, number][] {
  return Object.entries(counts).map(([value, count]) => [{ [label]: value }, count])
}

/** A consumer is behind by positions of its stream: with a filter, or where records moved on, it has less to take. */
async function read(sql: Sql): Promise<Facts> {
  const [row] = await withAppErrors(
    () => sql<{ facts: string }[]>`
      select json_build_object(
               'syncs', (
                 select coalesce(json_object_agg(status, n), '{}') from (
                   select status, count(*) as n from syncs where deleted_at is null group by status) s),
               'overdue', (
                 select count(*) from syncs where deadline_at < clock_timestamp() and deleted_at is null),
               'collections', (
                 select coalesce(json_object_agg(phase, n), '{}') from (
                   select o.phase, count(*) as n from source o join syncs s on s.id = o.sync_id
                    where o.removed_at is null and s.deleted_at is null group by o.phase) c),
               'touched', (select count(*) from touched),
               'touchedOldestS', (
                 select coalesce(extract(epoch from clock_timestamp() - min(first_seen_at)), 0)::float8 from touched),
               'heldDeletes', (
                 select coalesce(sum((held ->> 'count')::int), 0) from source where held is not null and removed_at is null),
               'quarantined', (select count(*) from quarantine),
               'consumerLags', (
                 select coalesce(json_agg(json_build_object(
                          'records', greatest(0, h.last_idx - x.cursor_idx),
                          'seconds', coalesce(extract(epoch from clock_timestamp() - r.changed_at), 0)::float8)), '[]')
                   from consumer c
                  cross join lateral (
                    select y.cursor_idx from consumer_state y where y.consumer_no = c.consumer_no order by y.op desc limit 1) x
                  cross join lateral (
                    select z.last_idx from stream_head z where z.stream_no = c.stream_no order by z.last_idx desc limit 1) h
                   left join lateral (
                    select d.changed_at from record d
                     where d.stream_no = c.stream_no and d.updated_idx > x.cursor_idx order by d.updated_idx limit 1) r on true),
               'granted', (
                 select coalesce(json_object_agg(provider, n), '{}') from (
                   select c.provider, sum(q.granted) as n from quota q join credentials c on c.id = q.credential_id
                    where q.bucket = '' group by c.provider) g),
               'blocked', (
                 select count(distinct credential_id) from quota where blocked_until > clock_timestamp()))::text as facts`,
  )
  return JSON.parse(row!.facts) as Facts
}
