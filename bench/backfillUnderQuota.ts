import {
  callsSince,
  filling,
  generated,
  keyOf,
  setFaults,
  startSync,
} from './support/backfilling.ts'
import type { Call } from './support/backfilling.ts'
import type { Case, Flags } from './support/report.ts'
import { startStack } from './support/stack.ts'

/** A slow provider with a strict allowance: is all of it used, and nothing beyond it? See README.md. */
export async function backfillUnderQuota(
  flags: Flags,
  report: (result: Case) => void,
): Promise<void> {
  const quota = flags.number('quota', 100)
  const latencyMs = flags.number('latency', 150)
  const records = flags.number('records', 200_000)
  const stack = await startStack({ upstream: generated, allowed: quota })
  try {
    await setFaults(stack, [{ kind: 'latency', ms: latencyMs }])
    const since = Date.now()
    const ours = await filling(stack, records, () =>
      startSync(stack, { name: 'bench', key: keyOf(1, records), quota }),
    )
    const calls = await callsSince(stack, since)
    const first = calls.find(({ path }) => path === '/v1/customers')!.at
    const last = calls.findLast(({ path }) => path === '/v1/customers')!.at
    const within = calls.filter(({ at }) => at >= first && at <= last)
    const used = (within.length / (last - first)) * 1_000
    report({
      case: 'calls a second',
      value: used,
      unit: '1/s',
      peer_value: quota,
      ratio: used / quota,
    })
    const refused = calls.filter(({ at, status }) => status === 429 && at > first + 1_000)
    report({ case: 'refused after the first second', value: refused.length, unit: 'calls' })
    report({
      case: 'most in any second',
      value: mostInASecond(calls),
      unit: 'calls',
      peer_value: quota,
    })
    report({ case: 'records', value: records / ours.seconds, unit: 'records/s' })
    report({ case: 'worker memory', value: Math.max(...ours.rssMb), unit: 'MB' })
  } finally {
    await stack.stop()
  }
}

function mostInASecond(calls: Call[]): number {
  let from = 0
  let most = 0
  calls.forEach(({ at }, to) => {
    while (calls[from]!.at <= at - 1_000) from += 1
    most = Math.max(most, to - from + 1)
  })
  return most
}
