import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { cpuMs, residentMb } from './support/process.ts'
import { makeQuietSyncs, runningSlices } from './support/quietSyncs.ts'
import type { Case, Flags } from './support/report.ts'
import { type Stack, startStack } from './support/stack.ts'

/** What syncs cost of which nothing comes: `--syncs` 1,000, looked at for `--seconds` 600; see README.md. */
export async function idle(flags: Flags, report: (result: Case) => void): Promise<void> {
  const count = flags.number('syncs', 1000)
  const seconds = flags.number('seconds', 600)
  const stack = await startStack({ upstream: 'bench/support/quiet.ts' })
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await makeQuietSyncs(stack, count)
    await atRest(sql, count, flags.number('rest', 330))
    const before = await look(stack)
    await delay(seconds * 1000)
    const after = await look(stack)
    const share = (part: keyof Look) => ((after[part] - before[part]) / (seconds * 1000)) * 100
    const actions = ((after.actions - before.actions) / count) * (3600 / seconds)
    report(limited('Temporal actions per sync and hour', actions, 'actions', 10))
    const cpu = share('temporal') + share('worker') + share('postgres')
    report(limited('Temporal + worker + Postgres', cpu, '% of a core', 25))
    report({ case: 'Temporal', value: share('temporal'), unit: '% of a core' })
    report({ case: 'worker', value: share('worker'), unit: '% of a core' })
    report({ case: 'Postgres', value: share('postgres'), unit: '% of a core' })
    report(limited('worker memory', await residentMb(stack.workerPid), 'MB', 500))
  } finally {
    await sql.end()
    await stack.stop()
  }
}

function limited(name: string, value: number, unit: string, limit: number): Case {
  return { case: name, value, unit, peer_value: limit, ratio: limit / value }
}

/** Every sync has its slice, the backfills are over, and polls have become rare: five minutes without a change. */
async function atRest(sql: postgres.Sql, count: number, seconds: number): Promise<void> {
  for (;;) {
    const [row] = await sql<{ open: number }[]>`
      select count(*)::int as open from source where enumerate_due_at is null or backfilled_at is null`
    if (row!.open === 0 && (await runningSlices(sql)).length >= count) break
    await delay(1000)
  }
  await delay(seconds * 1000)
}

type Look = { temporal: number; worker: number; postgres: number; actions: number }

async function look(stack: Stack): Promise<Look> {
  const metrics = await (await fetch(stack.temporal.metricsUrl)).text()
  const lines = metrics.split('\n').filter((line) => line.startsWith('action{'))
  return {
    temporal: await cpuMs(stack.pids.temporal),
    worker: await cpuMs(stack.workerPid),
    postgres: await cpuMs(stack.pids.postgres),
    actions: lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
  }
}
