import { createControl } from '../kit/control.ts'
import { createFaults } from '../kit/faults.ts'
import type { Faults } from '../kit/faults.ts'
import { createLife } from '../kit/life.ts'
import { createRequestLog } from '../kit/log.ts'
import type { LogEntry } from '../kit/log.ts'
import { createRandom } from '../kit/random.ts'
import { serve } from '../kit/serve.ts'
import { openAccount } from './account.ts'
import type { Settings } from './account.ts'
import { createApi } from './api.ts'
import { createKeys, keyOf } from './auth.ts'
import type { Keys } from './auth.ts'
import { create, remove, update } from './change.ts'
import { controlRoutes } from './control.ts'
import { live } from './life.ts'
import type { Collection, Fields, StripeObject } from './objects.ts'
import { seedAccount } from './seed.ts'
import type { Shown } from './snapshot.ts'
import { snapshot } from './snapshot.ts'
import { startDelivery } from './webhooks.ts'

export type StripeSimulatorOptions = Partial<Settings> & {
  /** Same seed, same account. Default 1. */
  seed?: number
  now?: () => number
  accountId?: string
  livemode?: boolean
  /** Remembers everything in this directory, and goes on from what is there. Default: memory only. */
  dir?: string
}

export type StripeSimulator = {
  accountId: string
  /** True: found in `dir`, not new. */
  restored: boolean
  /** False: its seeding was begun and never ended. */
  readonly complete: boolean
  /** Port 0 (default): any free one. Host default 127.0.0.1. */
  listen(port?: number, host?: string): Promise<{ url: string; close(): Promise<void> }>
  keys: Keys
  /** `fields` replaces what would be made up; references that are left out are picked or made. Returns the whole object. */
  create(collection: Collection, fields?: Fields): StripeObject
  update(collection: Collection, id: string, fields: Fields): StripeObject
  /** Cancels a subscription; throws where the provider has no delete, unless `silently`: gone without event or stub. */
  remove(collection: Collection, id: string, options?: { silently?: boolean }): void
  /** About `total` objects over all collections, two years of them. */
  seedAccount(total: number): void
  /** Starts to change by itself, so many times a second; returns what stops it. */
  live(ratePerSecond: number): () => void
  /** Changes a second that it makes by itself now. */
  readonly rate: number
  /** Lets `work` happen in a second of the past, its events too (none when that is longer ago than they are kept). */
  backdate<T>(second: number, work: () => T): T
  /** What a complete and correct copy holds: collection -> id -> JSON text. Compare parsed or canonical texts. */
  snapshot(only?: Shown): Partial<Record<Shown, Record<string, string>>>
  faults: Faults
  /** Requests answered so far, oldest first. */
  log: LogEntry[]
  /** Switches, to be changed at any time. */
  settings: Settings
  /** Closes the directory. */
  close(): void
}

/** A server that behaves like Stripe's API (2026-10-28.endive), in this process. */
export function createStripeSimulator(options: StripeSimulatorOptions = {}): StripeSimulator {
  const { seed = 1, now = Date.now, accountId, livemode = false, dir, ...switches } = options
  const settings: Settings = {
    visibilityDelayMs: 0,
    twinProbability: 0,
    missingCursorStatus: 400,
    limits: false,
    off: [],
    webhookRetriesMs: [1000, 5000, 30_000],
    webhookJitterMs: 0,
    webhookTwinProbability: 0,
    apiVersion: '2026-10-28.endive',
    ...switches,
  }
  const account = openAccount({
    seed,
    accountId: accountId ?? null,
    livemode,
    now,
    dir: dir ?? null,
    settings,
  })
  const keys = createKeys(account)
  const faults = createFaults(createRandom(seed + 1))
  const log = createRequestLog()
  const delivery = startDelivery(account, now)
  const life = createLife(() => live(account))
  const simulator: StripeSimulator = {
    accountId: account.id,
    restored: account.restored,
    get complete() {
      return account.notes.get('seeding') === undefined
    },
    keys,
    create: (collection, fields) => create(account, collection, fields),
    update: (collection, id, fields) => update(account, collection, id, fields),
    remove: (collection, id, { silently = false } = {}) =>
      remove(account, collection, id, silently),
    seedAccount: (total) => {
      account.note('seeding', total)
      seedAccount(account, total)
      account.note('seeding', null)
    },
    live: life.live,
    get rate() {
      return life.rate
    },
    backdate: (second, work) => account.backdate(second, work),
    snapshot: (only) => snapshot(account, only),
    faults,
    log: log.entries,
    settings,
    listen: (port = 0, host = '127.0.0.1') =>
      serve(
        {
          answer: createApi(account, keys),
          control: createControl(faults, log, controlRoutes(simulator, account)),
          keyTail: (headers) => keyOf(headers)?.slice(-4) ?? '',
          requestIdHeader: 'request-id',
          faults,
          log,
          now,
        },
        port,
        host,
      ),
    close: () => {
      life.stop()
      delivery.close()
      account.close()
    },
  }
  return simulator
}
