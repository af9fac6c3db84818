import { filling, generated, keyOf, startSync } from './support/backfilling.ts'
import type { Case, Flags } from './support/report.ts'
import { startStack } from './support/stack.ts'

/** Creates of syncs that are under way at once. */
const createdAtOnce = 8

/** The same total of records in one sync and in many, each of an account of its own; see README.md. */
export async function scale(flags: Flags, report: (result: Case) => void): Promise<void> {
  const records = flags.number('records', 500_000)
  const syncs = flags.number('syncs', 200)
  const one = await run(1, records)
  report({ case: '1 sync', value: one, unit: 'records/s' })
  const many = await run(syncs, records)
  const name = `${syncs} syncs beside 1`
  report({ case: name, value: many, unit: 'records/s', peer_value: one, ratio: many / one })
}

async function run(syncs: number, records: number): Promise<number> {
  const stack = await startStack({ upstream: generated })
  const each = Math.ceil(records / syncs)
  try {
    await filling(stack, 2_000, () => startSync(stack, { name: 'warm-up', key: keyOf(0, 2_000) }))
    const accounts = Array.from({ length: syncs }, (_, at) => at + 1)
    const { seconds } = await filling(stack, each * syncs, async () => {
      const create = async () => {
        for (let at = accounts.shift(); at !== undefined; at = accounts.shift())
          await startSync(stack, { name: `bench ${at}`, key: keyOf(at, each) })
      }
      await Promise.all(Array.from({ length: createdAtOnce }, create))
    })
    return (each * syncs) / seconds
  } finally {
    await stack.stop()
  }
}
