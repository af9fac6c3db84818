import { filling, generated, keyOf, startSync } from './support/backfilling.ts'
import { median } from './support/measure.ts'
import type { Case, Flags } from './support/report.ts'
import { startStack } from './support/stack.ts'

const mostMb = 300

/** The worker's memory while it backfills a large collection: how much, and does it grow? See README.md. */
export async function memory(flags: Flags, report: (result: Case) => void): Promise<void> {
  const records = flags.number('records', 2_000_000)
  const stack = await startStack({ upstream: generated })
  try {
    const { seconds, rssMb } = await filling(stack, records, () =>
      startSync(stack, { name: 'bench', key: keyOf(1, records) }),
    )
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
