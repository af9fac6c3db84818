import { setTimeout as delay } from 'node:timers/promises'
import { openPools } from '../../src/db/pools.ts'
import { residentMb } from './process.ts'
import type { Stack } from './stack.ts'

/** The server of support/generated.ts in place of the simulator. */
export const generated = 'bench/support/generated.ts'

/** The key of an account of so many customers at that server. */
export function keyOf(account: number, customers: number): string {
  return `sk_test_${account}x${customers}`
}

/** Begins a sync of customers; `quota`: calls a second. Their order in the log of the server is its own affair. */
export async function startSync(
  stack: Stack,
  options: { name: string; key: string; quota?: number },
): Promise<void> {
  await stack.api('POST', '/v1/syncs', {
    provider: 'stripe',
    name: options.name,
    credential: {
      properties: { kind: 'stripe_key', secret: options.key, base_url: stack.simulatorUrl },
    },
    collection_ids: ['stripe:customer'],
    rate_limit: {
      allowed_requests: options.quota ?? 100_000,
      interval: 1,
      max_concurrent_requests: 0,
    },
  })
}

export type Filling = {
  /** Seconds from the first call of `begin` to the moment the last record can be read. */
  seconds: number
  /** Resident memory of the worker, MB, four times a second. */
  rssMb: number[]
}

/** Begins, and waits until the stream has so many records more than before. Asks the database, which costs our API nothing. */
export async function filling(
  stack: Stack,
  records: number,
  begin: () => Promise<void>,
): Promise<Filling> {
  const pools = openPools(stack.databaseUrl, { applicationName: 'sluice-bench', write: 1 })
  const position = async () => {
    const [row] = await pools.write<{ at: number }[]>`
      select coalesce(max(last_idx), 0)::float8 as at from stream_head`
    return row!.at
  }
  try {
    const target = (await position()) + records
    const rssMb: number[] = []
    const started = performance.now()
    const beginning = begin()
    while ((await position()) < target) {
      if (performance.now() - started > 250 * rssMb.length)
        rssMb.push(await residentMb(stack.workerPid))
      await delay(20)
    }
    const seconds = (performance.now() - started) / 1_000
    await beginning
    return { seconds, rssMb }
  } finally {
    await pools.end()
  }
}

export type Call = { at: number; path: string; status: number; fault: string | null }

/** What the server was asked since then (ms since 1970). */
export async function callsSince(stack: Stack, sinceMs: number): Promise<Call[]> {
  const answer = await fetch(`${stack.simulatorUrl}/_sim/log?since=${sinceMs}`)
  return ((await answer.json()) as { log: Call[] }).log
}

export async function setFaults(stack: Stack, rules: object[]): Promise<void> {
  const body = JSON.stringify(rules)
  const answer = await fetch(`${stack.simulatorUrl}/_sim/faults`, { method: 'PUT', body })
  if (!answer.ok) throw new Error(`faults were refused: ${await answer.text()}`)
}
