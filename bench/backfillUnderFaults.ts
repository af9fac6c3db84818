import {
  callsSince,
  filling,
  generated,
  keyOf,
  setFaults,
  startSync,
} from './support/backfilling.ts'
import type { Case, Flags } from './support/report.ts'
import { startStack } from './support/stack.ts'

const retryAfterSeconds = 1
const kinds = [
  { kind: 'rate_limit', retryAfter: retryAfterSeconds },
  { kind: 'server_error', status: 500 },
  { kind: 'server_error', status: 503 },
  { kind: 'reset' },
  { kind: 'reset', bytes: 20_000 },
]

/** The same backfill without faults and with 429s, 500s and resets here and there; see README.md. */
export async function backfillUnderFaults(
  flags: Flags,
  report: (result: Case) => void,
): Promise<void> {
  const records = flags.number('records', 100_000)
  const each = flags.number('each', 4)
  const stack = await startStack({ upstream: generated })
  const run = async (account: number) =>
    await filling(stack, records, () =>
      startSync(stack, { name: `bench ${account}`, key: keyOf(account, records) }),
    )
  try {
    await run(1)
    const clean = await run(2)
    const pages = records / 100
    await setFaults(
      stack,
      kinds.flatMap((fault, kind) =>
        Array.from({ length: each }, (_, at) => ({
          ...fault,
          path: '/v1/customers',
          count: 1,
          skip: Math.floor((pages * (at + (kind + 1) / (kinds.length + 1))) / each),
        })),
      ),
    )
    const since = Date.now()
    const faulty = await run(3)
    const played = (await callsSince(stack, since)).filter(({ fault }) => fault !== null)
    const waits = played.filter(({ fault }) => fault === 'rate_limit').length * retryAfterSeconds
    report({ case: 'without faults', value: records / clean.seconds, unit: 'records/s' })
    report({ case: 'faults', value: played.length, unit: 'calls', peer_value: kinds.length * each })
    report({ case: 'waits asked for', value: waits, unit: 's' })
    report({
      case: 'complete with faults in',
      value: faulty.seconds,
      unit: 's',
      peer_value: clean.seconds + waits,
      ratio: (clean.seconds + waits) / faulty.seconds,
    })
  } finally {
    await stack.stop()
  }
}
