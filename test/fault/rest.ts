/** All faults off, everything running, the accounts still: waits for what the engine itself says to be at rest. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../../src/db/pools.ts'
import { consumerInfo } from '../../src/delivery/info.ts'
import { accountNames, accountOf, syncNames } from './cast.ts'
import type { Stage } from './act.ts'
import type { Ask } from './client.ts'
import type { Consumer } from './consumers.ts'

const patienceMs = 300_000

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
  const sinceMs = Date.now()
  for (const sync of syncNames) {
    await syncs.resync(sync, null)
    await syncs.check(sync)
  }
  const until = performance.now() + patienceMs
  for (;;) {
    const open = [
      ...(await enginesOpen(stage, since)),
      ...(await feedsOpen(stage, sinceMs)),
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

/** Each account's events were read to their end since, by as many as follow them. */
async function feedsOpen({ control }: Stage, sinceMs: number): Promise<string[]> {
  const open: string[] = []
  for (const account of accountNames) {
    const { body } = await control[account]('GET', `/_sim/log?since=${sinceMs}`)
    const reads = (body.log as { path: string; status: number }[]).filter(
      ({ path, status }) => path === '/v1/events' && status === 200,
    )
    const followers = syncNames.filter((sync) => accountOf[sync] === account).length
    if (reads.length < 2 * followers) open.push(`the events of account ${account} are not read`)
  }
  return open
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
    const { numPending, numAckPending, numWaiting } = await consumerInfo(sql, row!.no)
    const left = numPending + numAckPending + numWaiting
    if (left > 0)
      open.push(
        `consumer ${name}: ${numPending} pending, ${numAckPending} out, ${numWaiting} waiting`,
      )
  }
  return open
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
