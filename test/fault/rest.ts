/** All faults off, everything running, the accounts still: waits for what the engine itself says to be at rest. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../../src/db/pools.ts'
import { consumerInfo } from '../../src/delivery/info.ts'
import { stateOf } from '../support/stream.ts'
import { accountNames, syncNames } from './cast.ts'
import type { Stage } from './act.ts'
import type { Ask } from './client.ts'
import type { Consumer } from './consumers.ts'

const patienceMs = 300_000
/** An event can be seen so long after it happened, at the most (plan.ts), and a little more. */
const latestEventMs = 10_000

/** Everything that was disturbed is put right; from here on nothing disturbs. */
export async function calmDown({ processes, control }: Stage): Promise<void> {
  for (const account of accountNames) {
    await control[account]('PUT', '/_sim/live', { rate: 0 })
    await control[account]('DELETE', '/_sim/faults')
    await control[account]('PUT', '/_sim/settings', { visibilityDelayMs: 0, twinProbability: 0 })
    processes.simulated[account].gate.open()
  }
  for (const part of Object.values(processes.parts)) await part.ready()
}

/**
 * Compares everything once more, for only that sees what was deleted without a word, and waits until each collection of
 * each sync was compared since, hints were looked at, feeds read, and each consumer has acked all. What is still open after
 * five minutes is returned.
 */
export async function untilAtRest(
  stage: Stage,
  ask: Ask,
  consumers: Consumer[],
): Promise<string[]> {
  const { sql, syncs } = stage
  const [{ now: since }] = (await patiently(
    async () => await sql<[{ now: string }]>`select clock_timestamp()::text as now`,
  )) as [{ now: string }]
  const lastMs = await lastThing(stage)
  for (const sync of syncNames) {
    await syncs.resync(sync, null)
    await syncs.check(sync)
  }
  const until = performance.now() + patienceMs
  for (;;) {
    const open = [
      ...(await enginesOpen(stage, since)),
      ...(await feedsOpen(stage, lastMs)),
      ...(await purgesOpen(stage)),
    ]
    if (open.length === 0) open.push(...(await consumersOpen(sql, ask, consumers)))
    if (open.length === 0 || performance.now() > until) return open
    await delay(300)
  }
}

async function enginesOpen({ sql, syncs }: Stage, since: string): Promise<string[]> {
  const ids = syncNames.map((sync) => syncs.id(sync))
  const rows = await sql<{ name: string; collection: string; why: string }[]>`
    select y.name, s.collection_id as collection,
           case when s.blocked_at is not null then 'blocked: ' || s.blocked_reason
                when s.backfilled_at is null then 'was never whole'
                when s.enumerate_due_at is null then 'is being compared'
                when s.held is not null then 'holds deletes'
                when coalesce((s.coverage->>'at')::timestamptz < ${since}::timestamptz, true) then 'was not compared'
                else (select count(*) || ' hints' from touched t where t.source_no = s.source_no) end as why
      from source s
      join syncs y on y.id = s.sync_id
     where s.sync_id = any(${ids}::uuid[]) and s.removed_at is null`
  return rows.flatMap(({ name, collection, why }) =>
    why === '0 hints' ? [] : [`${name} ${collection}: ${why}`],
  )
}

/**
 * Each feed has read past the last thing that happened in its account, and has looked back once since the last late event
 * could be seen.
 */
async function feedsOpen({ sql, syncs }: Stage, lastMs: number): Promise<string[]> {
  const ids = syncNames.map((sync) => syncs.id(sync))
  const rows = await sql<{ name: string }[]>`
    select y.name
      from syncs y
      left join checkpoint k on k.sync_id = y.id and k.name = 'feed/events'
     where y.id = any(${ids}::uuid[])
       and (k.cursor is null
            or (k.cursor ->> 'from')::float8 < ${Math.floor(lastMs / 1_000)}
            or (k.cursor ->> 'looked')::float8 < ${lastMs + latestEventMs}
            or k.cursor ->> 'after' is not null or k.cursor ->> 'look' is not null)`
  return rows.map(({ name }) => `${name}: its events are not read to their end`)
}

async function purgesOpen({ sql, syncs }: Stage): Promise<string[]> {
  if (syncs.deleted.length === 0) return []
  const [row] = await sql<{ n: string }[]>`
    select count(*) as n
      from record r
      join source s using (source_no)
     where s.sync_id = any(${syncs.deleted}::uuid[]) and not r.deleted`
  return row!.n === '0' ? [] : [`${row!.n} records of deleted syncs`]
}

async function consumersOpen(sql: Sql, ask: Ask, consumers: Consumer[]): Promise<string[]> {
  const open: string[] = []
  for (const { id, name } of consumers) {
    await ask('POST', `/v1/http-consumers/${id}/dead-letters/redeliver`)
    const [row] = await sql<
      { no: number }[]
    >`select consumer_no as no from consumer where id = ${id}`
    const { numPending, numAckPending } = await consumerInfo(sql, row!.no)
    const { waiting } = await stateOf(sql, row!.no)
    const left = numPending + numAckPending + waiting
    if (left > 0)
      open.push(`consumer ${name}: ${numPending} pending, ${numAckPending} out, ${waiting} waiting`)
  }
  return open
}

/** Something happens in each account, and nothing after it. Its time: it was that or later. */
async function lastThing({ control }: Stage): Promise<number> {
  const beforeMs = Date.now()
  for (const account of accountNames) {
    const { body } = await control[account]('GET', '/_sim/snapshot?collection=customer')
    const [id] = Object.keys(body.customer)
    const fields = { metadata: { last: String(beforeMs) } }
    await control[account]('POST', '/_sim/update', { collection: 'customer', id, fields })
  }
  return beforeMs
}

/** The database may have been started again this moment. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt > 40) throw error
      await delay(250)
    }
  }
}
