import { Agent, request } from 'undici'
import { backfillOfPortal } from './backfillOfPortal.ts'
import { backfillUnderFaults } from './backfillUnderFaults.ts'
import { backfillUnderQuota } from './backfillUnderQuota.ts'
import { filling, startSync } from './support/backfilling.ts'
import type { Case, Flags } from './support/report.ts'
import { finished, spawnNode, type Stack, startStack } from './support/stack.ts'

/** Backfill of customers of about 1 kB, no rate limit, beside a peer and beside a bare loop; see README.md. */
export async function backfill(flags: Flags, report: (result: Case) => void): Promise<void> {
  if (flags.text('provider', 'stripe') === 'hubspot') return await backfillOfPortal(flags, report)
  if (flags.has('quota') || flags.has('latency')) return await backfillUnderQuota(flags, report)
  if (flags.has('faults')) return await backfillUnderFaults(flags, report)
  const records = flags.number('records', 20_000)
  const stack = await startStack({ customers: records })
  try {
    const bare = records / (await bareLoop(stack))
    const peer = records / (await stripeSyncEngine(stack))
    const ours = await filling(stack, records, () =>
      startSync(stack, { name: 'bench', key: stack.simulatorKey }),
    )
    const rssMb = Math.max(...ours.rssMb)
    const unit = 'records/s'
    const value = records / ours.seconds
    report({ case: 'backfill', value, unit })
    report({
      case: 'beside @supabase/stripe-sync-engine',
      value,
      unit,
      peer_value: peer,
      ratio: value / peer,
    })
    report({ case: 'beside a bare fetch loop', value, unit, peer_value: bare, ratio: value / bare })
    report({
      case: 'worker memory',
      value: rssMb,
      unit: 'MB',
      peer_value: 300,
      ratio: 300 / rssMb,
    })
  } finally {
    await stack.stop()
  }
}

async function stripeSyncEngine(stack: Stack): Promise<number> {
  const args = [
    'bench/peers/stripeSyncEngine.ts',
    stack.databaseUrl,
    stack.simulatorUrl,
    stack.simulatorKey,
  ]
  const out = await finished(spawnNode(args, { PATH: process.env['PATH'] ?? '' }))
  return (JSON.parse(out.trim().split('\n').at(-1)!) as { seconds: number }).seconds
}

/** Four ranges of creation time at once, every page fetched and thrown away: what this server gives on this machine. */
async function bareLoop(stack: Stack): Promise<number> {
  const dispatcher = new Agent({ connections: 4 })
  const page = async (query: string) => {
    const answer = await request(`${stack.simulatorUrl}/v1/customers?limit=100${query}`, {
      dispatcher,
      headers: { authorization: `Bearer ${stack.simulatorKey}` },
    })
    return (await answer.body.json()) as {
      data: { id: string; created: number }[]
      has_more: boolean
    }
  }
  const newest = (await page('')).data[0]!.created
  const oldest = newest - 2 * 366 * 86_400
  const started = performance.now()
  await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      const from = Math.floor(oldest + ((newest - oldest) * n) / 4)
      const to = Math.floor(oldest + ((newest - oldest) * (n + 1)) / 4)
      const bounds = `&created[gte]=${n === 0 ? 0 : from}&created[lt]=${n === 3 ? newest + 86_400 : to}`
      let after = ''
      for (;;) {
        const { data, has_more } = await page(bounds + after)
        if (!has_more) break
        after = `&starting_after=${data.at(-1)!.id}`
      }
    }),
  )
  return (performance.now() - started) / 1000
}
