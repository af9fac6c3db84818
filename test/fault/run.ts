import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPools } from '../../src/db/pools.ts'
import type { Counts } from '../support/counts.ts'
import { createCounts } from '../support/counts.ts'
import { createRandom } from '../support/random.ts'
import type { Stage } from './act.ts'
import { act } from './act.ts'
import { accountNames } from './cast.ts'
import type { AccountName } from './cast.ts'
import type { Ask } from './client.ts'
import { createAsk } from './client.ts'
import { makeConsumers, work } from './consumers.ts'
import type { Consumer } from './consumers.ts'
import { keepEvidence } from './evidence.ts'
import type { Entry } from './judge.ts'
import { judgeConsumer, judgeQuota, judgeSecrets, judgeSilence, judgeStreams } from './judge.ts'
import { planRun } from './plan.ts'
import type { Processes } from './processes.ts'
import { startProcesses } from './processes.ts'
import { calmDown, untilAtRest } from './rest.ts'
import { makeSyncs } from './syncs.ts'

export type Report = {
  seed: number
  minutes: number
  violations: number
  /** What happened, by name. */
  counts: Record<string, number>
  /** Of the run's seconds, how many it took to come to rest. */
  restSeconds: number
  text: string
  /** Logs and data, kept where something was violated. */
  dir: string | null
}

/** Records of each account at the beginning. */
const total = 1_200
const changesPerSecond = 4

/** A whole run: everything up, the plan, rest, judgement, everything down. */
export async function runFaults(options: {
  seed: number
  minutes: number
  say(line: string): void
}): Promise<Report> {
  const { seed, minutes } = options
  const counts = createCounts()
  const dir = await mkdtemp(join(tmpdir(), `sluice-fault-${seed}-`))
  const processes = await startProcesses({
    dir,
    seed,
    total,
    fell: (sentence) => counts.violation('a process ended', sentence),
  })
  let restSeconds: number
  try {
    restSeconds = await performed(options, processes, counts, dir)
  } finally {
    await processes.stop()
  }
  const violations = counts.violations()
  if (violations === 0) rmSync(dir, { recursive: true, force: true })
  return {
    seed,
    minutes,
    violations,
    restSeconds,
    counts: counts.all(),
    text: counts.print(),
    dir: violations === 0 ? null : dir,
  }
}

/** Returns the seconds that it took to come to rest. */
async function performed(
  { seed, minutes, say }: { seed: number; minutes: number; say(line: string): void },
  processes: Processes,
  counts: Counts,
  dir: string,
): Promise<number> {
  const random = createRandom(seed)
  const pools = openPools(processes.databaseUrl, { applicationName: 'fault', write: 3 })
  const ask = createAsk(processes.apiUrl, processes.apiKey)
  const control = Object.fromEntries(
    accountNames.map((name) => [name, createAsk(processes.simulated[name].controlUrl, null)]),
  ) as Record<AccountName, Ask>
  const syncs = await makeSyncs(processes, ask, control)
  const consumers = await makeConsumers(ask)
  const stage: Stage = {
    processes,
    syncs,
    control,
    sql: pools.write,
    counts,
    say,
    rules: { one: [], two: [] },
  }
  say(`everything runs, below ${dir}`)

  const calm = new AbortController()
  const end = new AbortController()
  const workers = consumers.flatMap((consumer) =>
    [1, 2].map(async () => {
      const { apiUrl: url, apiKey } = processes
      const own = random.fork()
      await work({ consumer, url, apiKey, random: own, counts, calm: calm.signal, end: end.signal })
    }),
  )
  for (const name of accountNames)
    await control[name]('PUT', '/_sim/live', { rate: changesPerSecond })
  await act(stage, planRun(seed, minutes), minutes * 60_000)
  say('calm: faults off, accounts still, everything running')
  const calmAtMs = performance.now()
  calm.abort()
  await calmDown(stage)
  const open = await untilAtRest(stage, ask, consumers)
  for (const sentence of open) counts.violation('never came to rest', sentence)
  if (open.length > 0) await keepEvidence(stage, dir)
  const restSeconds = Math.round((performance.now() - calmAtMs) / 1_000)
  end.abort()
  await Promise.all(workers)
  await judge(stage, consumers, dir)
  await pools.end()
  return restSeconds
}

async function judge(stage: Stage, consumers: Consumer[], dir: string): Promise<void> {
  const logs = {} as Record<AccountName, Entry[]>
  for (const name of accountNames)
    logs[name] = (await stage.control[name]('GET', '/_sim/log')).body.log as Entry[]
  await judgeStreams(stage)
  for (const consumer of consumers) await judgeConsumer(stage, consumer)
  judgeSilence(stage, logs)
  judgeQuota(stage, logs)
  judgeSecrets(stage, dir)
}
