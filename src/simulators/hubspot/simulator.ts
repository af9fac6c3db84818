import { createControl } from '../kit/control.ts'
import { createFaults } from '../kit/faults.ts'
import type { Faults } from '../kit/faults.ts'
import { createLife } from '../kit/life.ts'
import { createRequestLog } from '../kit/log.ts'
import type { LogEntry } from '../kit/log.ts'
import { createRandom } from '../kit/random.ts'
import { serve } from '../kit/serve.ts'
import { createApi } from './api.ts'
import { createKeys, tokenOf } from './auth.ts'
import type { Keys } from './auth.ts'
import { controlRoutes } from './control.ts'
import { createActions } from './actions.ts'
import type { Actions } from './actions.ts'
import { startJournal } from './journal.ts'
import { step } from './life.ts'
import { addStandardPipelines } from './pipelines.ts'
import { openPortal } from './portal.ts'
import { seedPortal } from './seed.ts'
import { defaultSettings } from './settings.ts'
import type { Settings } from './settings.ts'
import { snapshot } from './snapshot.ts'
import { startDelivery } from './webhooks.ts'

export type HubspotSimulatorOptions = Partial<Settings> & {
  /** Same seed, same portal. Default 1. */
  seed?: number
  now?: () => number
  portalId?: string
  /** Remembers everything in this directory, and goes on from what is there. Default: memory only. */
  dir?: string
}

export type HubspotSimulator = Actions & {
  /** The portal's id, digits. */
  accountId: string
  /** True: found in `dir`, not new. */
  restored: boolean
  /** False: its seeding was begun and never ended. */
  readonly complete: boolean
  /** Port 0 (default): any free one. Host default 127.0.0.1. */
  listen(port?: number, host?: string): Promise<{ url: string; close(): Promise<void> }>
  keys: Keys
  /** About `total` records over all types, two years of them. */
  seedAccount(total: number): void
  /** Starts to change by itself, so many times a second; returns what stops it. */
  live(ratePerSecond: number): () => void
  /** Changes a second that it makes by itself now. */
  readonly rate: number
  /** Lets `work` happen in a millisecond of the past; search sees it at once. */
  backdate<T>(ms: number, work: () => T): T
  /** What a complete and correct copy holds: collection -> id -> JSON text. Compare parsed or canonical texts. */
  snapshot(only?: string): Record<string, Record<string, string>>
  faults: Faults
  /** Requests answered so far, oldest first. */
  log: LogEntry[]
  /** Switches, to be changed at any time. */
  settings: Settings
  /** Closes the directory. */
  close(): void
}

/** A server that behaves like HubSpot's API (CRM v3/v4 and the dated versions of 2026), in this process. */
export function createHubspotSimulator(options: HubspotSimulatorOptions = {}): HubspotSimulator {
  const { seed = 1, now = Date.now, portalId, dir, ...switches } = options
  const settings: Settings = { ...defaultSettings, ...switches }
  const portal = openPortal({ seed, portalId: portalId ?? null, now, dir: dir ?? null, settings })
  if (!portal.restored) portal.backdate(portal.createdMs, () => addStandardPipelines(portal))
  const keys = createKeys(portal)
  const faults = createFaults(createRandom(seed + 1))
  const log = createRequestLog()
  startJournal(portal)
  const delivery = startDelivery(portal, keys.oauth.clientSecret)
  const life = createLife(() => step(portal))
  const simulator: HubspotSimulator = {
    ...createActions(portal),
    accountId: portal.id,
    restored: portal.restored,
    get complete() {
      return !portal.notes('counter').has('seeding')
    },
    keys,
    seedAccount: (total) => {
      portal.note('counter', 'seeding', total)
      seedPortal(portal, total)
      portal.note('counter', 'seeding', null)
    },
    live: life.live,
    get rate() {
      return life.rate
    },
    backdate: (ms, work) => portal.backdate(ms, work),
    snapshot: (only) => snapshot(portal, only),
    faults,
    log: log.entries,
    settings,
    listen: (port = 0, host = '127.0.0.1') =>
      serve(
        {
          answer: createApi(portal, keys),
          control: createControl(faults, log, controlRoutes(simulator, portal)),
          keyTail: (headers) => tokenOf(headers)?.slice(-4) ?? '',
          requestIdHeader: 'x-hubspot-correlation-id',
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
      portal.close()
    },
  }
  return simulator
}
