import { setTimeout as delay } from 'node:timers/promises'
import { callsSince, setFaults } from './support/backfilling.ts'
import type { Call } from './support/backfilling.ts'
import { portalSync } from './support/portalSync.ts'
import { residentMb } from './support/process.ts'
import type { Case, Flags } from './support/report.ts'
import type { Stack } from './support/stack.ts'
import { startStack } from './support/stack.ts'

const windowMs = 10_000
/** What HubSpot allows a private app of most accounts in ten seconds. */
const allowed = 190

/** A slow portal with its own allowance: is all of it used, and nothing beyond it? See README.md. */
export async function backfillOfPortal(
  flags: Flags,
  report: (result: Case) => void,
): Promise<void> {
  const latencyMs = flags.number('latency', 120)
  const records = flags.number('records', 30_000)
  const names = flags.text('collections', '').split(',').filter(Boolean)
  const stack = await startStack({ upstream: 'bench/support/portal.ts', accounts: records })
  try {
    await setFaults(stack, [{ kind: 'latency', ms: latencyMs }])
    const { seconds, endedAt, rssMb, seen } = await filled(stack, names)
    const calls = await callsSince(stack, 0)
    const first = calls.find(({ path }) => path.startsWith('/crm/'))!.at
    const within = calls.filter(({ at }) => at >= first && at <= endedAt)
    const used = (within.length / (endedAt - first)) * windowMs
    const unit = 'calls in 10 s'
    report({ case: 'used while work is left', value: used, unit, ...beside(used) })
    const least = leastInAWindow(within, first, endedAt)
    report({ case: 'least in any whole window', value: least, unit, ...beside(least) })
    const refused = within.filter(({ status }) => status === 429)
    report({ case: 'refused', value: refused.length, unit: 'calls' })
    report({ case: 'records', value: seen / seconds, unit: 'records/s' })
    report({ case: 'worker memory', value: Math.max(...rssMb), unit: 'MB' })
  } finally {
    await stack.stop()
  }
}

function beside(value: number) {
  return { peer_value: allowed, ratio: value / allowed }
}

/** From the sync's creation until it says itself that all was read. No names: all collections. */
async function filled(stack: Stack, names: string[]) {
  const started = performance.now()
  const rssMb: number[] = []
  const id = await portalSync(stack, {
    names,
    rate_limit: { allowed_requests: allowed, interval: 10, max_concurrent_requests: 0 },
  })
  for (;;) {
    const sync = await stack.api('GET', `/v1/syncs/${id}`)
    if (sync.initial_backfill_completed_at !== null) {
      const seconds = (performance.now() - started) / 1_000
      const { last_idx: seen } = await stack.api('GET', '/v1/streams/default')
      return { seconds, endedAt: Date.parse(sync.initial_backfill_completed_at), rssMb, seen }
    }
    rssMb.push(await residentMb(stack.workerPid))
    await delay(250)
  }
}

function leastInAWindow(calls: Call[], from: number, to: number): number {
  let least = Infinity
  for (let start = from; start + windowMs <= to; start += windowMs / 10) {
    const inside = calls.filter(({ at }) => at >= start && at < start + windowMs)
    least = Math.min(least, inside.length)
  }
  return least
}
