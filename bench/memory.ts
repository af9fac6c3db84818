import { filling, generated, keyOf, startSync } from './support/backfilling.ts'
import { median } from './support/measure.ts'
import { portalSync } from './support/portalSync.ts'
import type { Case, Flags } from './support/report.ts'
import { startStack } from './support/stack.ts'

const mostMb = 300
const ample = { allowed_requests: 10_000, interval: 10, max_concurrent_requests: 0 }

/** The worker's memory while it backfills a large collection: how much, and does it grow? See README.md. */
export async function memory(flags: Flags, report: (result: Case) => void): Promise<void> {
  const isPortal = flags.text('provider', 'stripe') === 'hubspot'
  const records = flags.number('records', isPortal ? 50_000 : 2_000_000)
  const stack = await startStack(
    isPortal
      ? { upstream: 'bench/support/wideContacts.ts', accounts: records }
      : { upstream: generated },
  )
  try {
    const { seconds, rssMb } = await filling(stack, records, async () => {
      if (isPortal) await portalSync(stack, { names: ['contacts'], rate_limit: ample })
      else await startSync(stack, { name: 'bench', key: keyOf(1, records) })
    })
    const fifth = Math.ceil(rssMb.length / 5)
    const [early, late] = [median(rssMb.slice(fifth, 2 * fifth)), median(rssMb.slice(-fifth))]
    const most = Math.max(...rssMb)
    report({ case: 'records', value: records / seconds, unit: 'records/s' })
    report({ case: 'most', value: most, unit: 'MB', peer_value: mostMb, ratio: mostMb / most })
    report({
      case: 'last fifth beside the second',
      value: late,
      unit: 'MB',
      peer_value: early,
      ratio: early / late,
    })
  } finally {
    await stack.stop()
  }
}
