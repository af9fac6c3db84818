/** Lets the actions of a plan happen, each at its time, and says so. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultRule } from '../../src/simulators/kit/faults.ts'
import type { Sql } from '../../src/db/pools.ts'
import type { Counts } from '../support/counts.ts'
import type { AccountName } from './cast.ts'
import type { Ask } from './client.ts'
import type { Action } from './plan.ts'
import type { Processes } from './processes.ts'
import type { Syncs } from './syncs.ts'

export type Stage = {
  processes: Processes
  syncs: Syncs
  control: Record<AccountName, Ask>
  sql: Sql
  counts: Counts
  /** Faults that are on. */
  rules: Record<AccountName, FaultRule[][]>
  say(line: string): void
}

/** Resolves when the last of them is over. An action that cannot be carried out is a mistake of this harness, or a finding. */
export async function act(stage: Stage, plan: Action[], endMs: number): Promise<void> {
  const startMs = performance.now()
  const second = () => ((performance.now() - startMs) / 1_000).toFixed(1).padStart(6)
  const jobs = plan.map(async (action) => {
    await delay(action.atMs)
    const { atMs: _, kind, ...rest } = action
    const happened = await carryOut(stage, action).catch((error: unknown) => {
      stage.counts.violation('an action failed', `${kind}: ${(error as Error).message}`)
      return true
    })
    stage.counts.add(happened ? kind : `${kind} in vain`)
    stage.say(`${second()} s  ${happened ? 'over' : 'not '}  ${kind} ${JSON.stringify(rest)}`)
  })
  await Promise.all([...jobs, delay(endMs)])
}

/** False: it could not happen, as things stood. */
async function carryOut(stage: Stage, action: Action): Promise<boolean> {
  const { processes, syncs, control } = stage
  switch (action.kind) {
    case 'kill':
      return await processes.parts[action.part].kill(action.ms)
    case 'drain':
      return await processes.parts[action.part].drain(action.ms)
    case 'freeze':
      return await processes.parts[action.part].freeze(action.ms)
    case 'backends':
      return await endBackends(stage.sql, action.share)
    case 'cut': {
      const { gate } = processes.simulated[action.account]
      gate.shut()
      await delay(action.ms)
      gate.open()
      return true
    }
    case 'faults':
      return await fault(stage, action)
    case 'late': {
      const set = async (visibilityDelayMs: number, twinProbability: number) =>
        await control[action.account]('PUT', '/_sim/settings', {
          visibilityDelayMs,
          twinProbability,
        })
      await set(action.visibilityDelayMs, 0.3)
      await delay(action.ms)
      await set(0, 0)
      return true
    }
    case 'pause':
      return await syncs.pause(action.sync, action.ms)
    case 'resync':
      await syncs.resync(action.sync, action.collection)
      return true
    case 'check':
      await syncs.check(action.sync)
      return true
    case 'collection':
      return await syncs.without(action.sync, action.collection, action.ms)
    case 'revoke':
      return await syncs.revoke(action.account, action.ms)
    case 'vanish':
      return await vanish(control[action.account], action)
    case 'replace':
      return await syncs.replace(action.ms)
  }
}

/** Episodes overlap: each ends with its own rules only. */
async function fault(stage: Stage, action: Extract<Action, { kind: 'faults' }>): Promise<boolean> {
  const { account, rules, ms } = action
  const put = async () =>
    await stage.control[account]('PUT', '/_sim/faults', stage.rules[account].flat())
  stage.rules[account].push(rules)
  await put()
  await delay(ms)
  stage.rules[account] = stage.rules[account].filter((one) => one !== rules)
  await put()
  return true
}

async function endBackends(sql: Sql, share: number): Promise<boolean> {
  const ended = await sql`
    select pg_terminate_backend(pid)
      from pg_stat_activity
     where backend_type = 'client backend' and application_name !~ '^fault' and pid <> pg_backend_pid()
       and random() < ${share}`.catch(() => [])
  return ended.length > 0
}

async function vanish(
  control: Ask,
  { collection, at }: { collection: string; at: number },
): Promise<boolean> {
  const { body } = await control('GET', `/_sim/snapshot?collection=${collection}`)
  const ids = Object.keys(body[collection] ?? {})
  const id = ids[Math.floor(at * ids.length)]
  if (id === undefined) return false
  const { status } = await control('POST', '/_sim/remove', { collection, id, silently: true })
  return status === 200
}
