import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import postgres from 'postgres'
import { workflowId } from '../src/temporal/names.ts'
import { quantile } from './support/measure.ts'
import { makeQuietSyncs, runningSlices } from './support/quietSyncs.ts'
import type { Case, Flags } from './support/report.ts'
import { gone, type Stack, startStack } from './support/stack.ts'

/** Steering `--syncs` 200 syncs on two workers: pause, a worker killed, a worker told to end; see README.md. */
export async function control(flags: Flags, report: (result: Case) => void): Promise<void> {
  const count = flags.number('syncs', 200)
  const stack = await startStack({ upstream: 'bench/support/quiet.ts' })
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} })
  const connection = await Connection.connect({ address: stack.temporal.address })
  try {
    const second = await addWorker(stack, sql)
    const ids = await makeQuietSyncs(stack, count)
    await untilAllRun(sql, count, [])
    await untilAllRead(sql)

    const paused = await pauseAll(stack, ids)
    report(limited('pause: answer, p99', quantile(paused.answerMs, 0.99), 'ms', 500))
    report({ case: 'pause: answer, p50', value: quantile(paused.answerMs, 0.5), unit: 'ms' })
    report({ case: `requests after the answer, of ${count}`, value: paused.late, unit: 'syncs' })
    for (const id of ids) await stack.api('POST', `/v1/syncs/${id}/resume`)
    await untilAllRun(sql, count, [])

    const killed = await end(sql, count, second, 'SIGKILL')
    report({ case: 'slices of the worker that is killed', value: killed.slices, unit: 'slices' })
    report(limited('SIGKILL: all run elsewhere after', killed.seconds, 's', 8))

    const third = await addWorker(stack, sql)
    for (const id of ids) await stack.api('POST', `/v1/syncs/${id}/pause`)
    for (const id of ids) await stack.api('POST', `/v1/syncs/${id}/resume`)
    await untilAllRun(sql, count, [])
    const told = await end(sql, count, third, 'SIGTERM')
    report({ case: 'slices of the worker that is told to end', value: told.slices, unit: 'slices' })
    report(limited('SIGTERM: all run elsewhere after', told.seconds, 's', 4))
    const attempts = await failedAttempts(new Client({ connection }), ids, killed.slices)
    report({ case: 'SIGTERM: attempts that failed', value: attempts, unit: 'attempts' })
  } finally {
    await connection.close()
    await sql.end()
    await stack.stop()
  }
}

function limited(name: string, value: number, unit: string, limit: number): Case {
  return { case: name, value, unit, peer_value: limit, ratio: limit / value }
}

/** Two at a time. `late`: syncs whose key called after the answer. */
async function pauseAll(stack: Stack, ids: string[]) {
  const answerMs: number[] = []
  const answeredAt: number[] = []
  const pausers = [0, 1].map(async (start) => {
    for (let n = start; n < ids.length; n += 2) {
      const began = performance.now()
      await stack.api('POST', `/v1/syncs/${ids[n]}/pause`)
      answerMs.push(performance.now() - began)
      answeredAt[n] = performance.timeOrigin + performance.now()
    }
  })
  await Promise.all(pausers)
  await delay(20_000) // longer than the longest interval of polls
  const last = (await (await fetch(`${stack.simulatorUrl}/_sim/last`)).json()) as Record<
    string,
    number
  >
  const late = answeredAt.filter((at, n) => (last[`sk_live_${n}`] ?? 0) > at).length
  return { answerMs, late }
}

/** Seconds from the signal until each sync has a slice on a worker that is left. */
async function end(
  sql: postgres.Sql,
  count: number,
  worker: Worker,
  signal: 'SIGKILL' | 'SIGTERM',
) {
  const slices = (await runningSlices(sql)).filter((id) => id === worker.id).length
  const began = performance.now()
  worker.process.kill(signal)
  await untilAllRun(sql, count, [worker.id])
  const seconds = (performance.now() - began) / 1000
  await gone(worker.process)
  return { slices, seconds }
}

type Worker = { process: ChildProcess; id: string }

/** Known by its row, so the others must have theirs before it comes. */
async function addWorker(stack: Stack, sql: postgres.Sql): Promise<Worker> {
  const idOf = async (known: string[]) => {
    for (;;) {
      const rows = await sql<{ id: string }[]>`select id from workers where id <> all(${known})`
      if (rows.length > 0) return rows.map(({ id }) => id)
      await delay(50)
    }
  }
  const known = await idOf([])
  const process = await stack.addWorker()
  const [id] = await idOf(known)
  return { process, id: id! }
}

async function untilAllRun(sql: postgres.Sql, count: number, without: string[]): Promise<void> {
  for (;;) {
    const on = (await runningSlices(sql)).filter((id) => !without.includes(id))
    if (on.length >= count) return
    await delay(20)
  }
}

/** Their backfills are over: what was just made is read first, and a pause would wait for the planning of hundreds. */
async function untilAllRead(sql: postgres.Sql): Promise<void> {
  const open = () => sql`select 1 from source where backfilled_at is null limit 1`
  while ((await open()).length > 0) await delay(50)
}

/** Attempts beyond the first of what runs now; `known` of them are the takeovers after the SIGKILL. */
async function failedAttempts(client: Client, ids: string[], known: number): Promise<number> {
  let failed = 0
  for (const id of ids) {
    const { raw } = await client.workflow.getHandle(workflowId(id)).describe()
    for (const one of raw.pendingActivities ?? []) failed += (one.attempt ?? 1) - 1
  }
  return Math.max(0, failed - known)
}
