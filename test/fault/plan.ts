/** What happens in a run, drawn from the seed before it begins: the same seed, the same plan. */
import type { FaultRule } from '../../src/simulators/kit/faults.ts'
import type { Random } from '../support/random.ts'
import { createRandom } from '../support/random.ts'
import { accountNames, collectionsOf, syncNames } from './cast.ts'
import type { AccountName, SyncName } from './cast.ts'

export type PartName = 'worker-1' | 'worker-2' | 'api' | 'postgres' | 'temporal'

type What =
  /** SIGKILL; started again `ms` later. */
  | { kind: 'kill'; part: PartName; ms: number }
  /** SIGTERM, exit code 0 within its grace. */
  | { kind: 'drain'; part: 'worker-1' | 'worker-2' | 'api'; ms: number }
  /** SIGSTOP for `ms`: it looks dead, and comes back. */
  | { kind: 'freeze'; part: 'worker-1' | 'worker-2' | 'api'; ms: number }
  /** Some backends of Postgres are ended. */
  | { kind: 'backends'; share: number }
  /** Connections to the provider are reset; for `ms` there are no new ones. */
  | { kind: 'cut'; account: AccountName; ms: number }
  | { kind: 'faults'; account: AccountName; rules: FaultRule[]; ms: number }
  /** Events come late and twice. */
  | { kind: 'late'; account: AccountName; visibilityDelayMs: number; ms: number }
  | { kind: 'pause'; sync: SyncName; ms: number }
  | { kind: 'resync'; sync: SyncName; collection: string | null }
  | { kind: 'check'; sync: SyncName }
  /** The collection is taken out; back `ms` later. */
  | { kind: 'collection'; sync: SyncName; collection: string; ms: number }
  /** The key is revoked; `ms` later the credential gets another. */
  | { kind: 'revoke'; account: AccountName; ms: number }
  /** Deleted upstream, and no event tells. */
  | { kind: 'vanish'; account: AccountName; collection: string; at: number }
  /** The sync is deleted, and made anew. */
  | { kind: 'replace'; ms: number }

export type Action = What & { atMs: number }

/** How often in a minute, at least once in a run. */
const perMinute: Record<What['kind'], number> = {
  kill: 6,
  drain: 1.5,
  freeze: 1.5,
  backends: 6,
  cut: 3,
  faults: 12,
  late: 1.5,
  pause: 4,
  resync: 2,
  check: 2,
  collection: 2,
  revoke: 0.8,
  vanish: 6,
  replace: 0.6,
}

/** Actions in the order of their times; all lie in the first nine tenths of the run. */
export function planRun(seed: number, minutes: number): Action[] {
  const random = createRandom(seed)
  const spanMs = minutes * 60_000 * 0.9
  const kinds = Object.keys(perMinute) as What['kind'][]
  return kinds
    .flatMap((kind) => {
      const own = random.fork()
      const count = Math.max(1, Math.round(perMinute[kind] * minutes))
      return Array.from({ length: count }, (_, at) => ({
        ...draw[kind](own, at),
        // Spread over the run, one in each of its parts.
        atMs: Math.round(((at + own.next()) / count) * spanMs),
      }))
    })
    .toSorted((a, b) => a.atMs - b.atMs)
}

const killed: PartName[] = ['worker-1', 'postgres', 'worker-2', 'temporal', 'api', 'worker-1']

const draw: Record<What['kind'], (random: Random, at: number) => What> = {
  kill: (random, at) => ({
    kind: 'kill',
    part: at < killed.length ? killed[at]! : random.pick(killed),
    ms: span(random, 200, 4_000),
  }),
  drain: (random) => ({
    kind: 'drain',
    part: random.pick(['worker-1', 'worker-2', 'api']),
    ms: span(random, 100, 3_000),
  }),
  freeze: (random) => ({
    kind: 'freeze',
    part: random.pick(['worker-1', 'worker-2', 'worker-1', 'worker-2', 'api']),
    ms: span(random, 500, 12_000),
  }),
  backends: (random) => ({ kind: 'backends', share: random.pick([0.1, 0.3, 1]) }),
  cut: (random) => ({
    kind: 'cut',
    account: random.pick(accountNames),
    ms: random.chance(0.5) ? 0 : span(random, 500, 4_000),
  }),
  faults: (random) => ({
    kind: 'faults',
    account: random.pick(accountNames),
    rules: Array.from({ length: 1 + random.int(3) }, () => rule(random)),
    ms: span(random, 2_000, 10_000),
  }),
  late: (random) => ({
    kind: 'late',
    account: random.pick(accountNames),
    visibilityDelayMs: span(random, 500, 8_000),
    ms: span(random, 5_000, 20_000),
  }),
  pause: (random) => ({
    kind: 'pause',
    sync: random.pick(syncNames),
    ms: span(random, 1_000, 9_000),
  }),
  resync: (random) => {
    const sync = random.pick(syncNames)
    const collection = random.chance(0.5) ? random.pick(collectionsOf[sync]) : null
    return { kind: 'resync', sync, collection }
  },
  check: (random) => ({ kind: 'check', sync: random.pick(syncNames) }),
  collection: (random) => {
    const sync = random.pick(syncNames)
    return {
      kind: 'collection',
      sync,
      collection: random.pick(collectionsOf[sync]),
      ms: span(random, 500, 10_000),
    }
  },
  revoke: (random) => ({
    kind: 'revoke',
    account: random.pick(accountNames),
    ms: span(random, 1_000, 8_000),
  }),
  vanish: (random) => ({
    kind: 'vanish',
    account: random.pick(accountNames),
    collection: random.pick(['customer', 'coupon', 'product', 'invoiceitem']),
    at: random.next(),
  }),
  replace: (random) => ({ kind: 'replace', ms: span(random, 0, 4_000) }),
}

function rule(random: Random): FaultRule {
  const probability = random.pick([0.05, 0.2, 0.5])
  const path = random.chance(0.3) ? '/v1/events*' : '*'
  return random.pick<() => FaultRule>([
    () => ({ kind: 'rate_limit', path, probability: probability / 4 }),
    () => ({ kind: 'rate_limit', path, probability: probability / 4, retryAfter: random.int(3) }),
    () => ({ kind: 'server_error', path, probability, status: random.pick([500, 502, 503, 504]) }),
    () => ({ kind: 'reset', path, probability, ...(random.chance(0.5) ? { bytes: 700 } : {}) }),
    () => ({ kind: 'cut', path, probability }),
    () => ({ kind: 'html', path, probability, status: random.pick([200, 502]) }),
    () => ({ kind: 'slow', path, probability, ms: span(random, 500, 6_000) }),
    () => ({ kind: 'latency', path, probability, ms: span(random, 100, 3_000) }),
    () => ({ kind: 'stall', path, probability: probability / 4 }),
    () => ({ kind: 'forbidden', path: random.pick(['/v1/coupons', '/v1/payouts', '/v1/events']) }),
  ])()
}

function span(random: Random, from: number, to: number): number {
  return from + random.int(to - from)
}
