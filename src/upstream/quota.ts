import { randomUUID } from 'node:crypto'
import type { Limit } from '../connectors/connector.ts'
import { toAppError, withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import type { Priority } from './bucket.ts'
import { needsOf } from './bucket.ts'
import { createDatabaseClock, isoMicros } from './databaseClock.ts'
import type { Start } from './lane.ts'
import { bounds } from './bounds.ts'
import type { Pacer } from './pacer.ts'
import { aborted, createPacer } from './pacer.ts'
import type { Slots } from './slots.ts'
import { createSlots } from './slots.ts'
import type { SyncAt } from './take.ts'

export type { Priority }

export type Take = {
  /** Null: a credential that is not stored yet, which has no ledger; it gets the database's clock and no more. */
  credentialId: string | null
  /** Whose request it is: refused once that sync is not active at that epoch (G8). Null: not a sync's. */
  sync: SyncAt | null
  /** Of effectiveLimits. */
  limits: Limit[]
  /** Which of the limits it counts against, besides those that count every call. */
  bucket: string | null
  priority: Priority
  signal: AbortSignal
  /** Told each time that it has to wait, with what is known of how long. */
  onWait?: ((waitMs: number) => void) | undefined
}

/** The right to start one request, now. */
export type Grant = {
  /** The database's clock when it was granted: ISO 8601 with microseconds. */
  observedAt: string
  /** False 250 ms after the sync was looked at: take anew instead of starting. */
  usable(): boolean
  /** The request ended. Harmless when called again. */
  release(): void
}

export type Quota = {
  /**
   * Waits up to 10 s for a start within all limits (G10). Throws AppError `rate_limited` with retryAfterMs when it would
   * take longer, `stopped` when the sync is no longer active at that epoch or the signal aborts, `transient` without a
   * database: no database, no grant.
   */
  take(take: Take): Promise<Grant>
  /**
   * The provider told to wait: nothing that counts against `bucket` (null: anything) starts for `waitMs`, in no process.
   * `refusedAt`: observedAt of the grant whose request was refused with 429; the ledger learns from it to go slower.
   */
  block(block: {
    credentialId: string
    bucket: string | null
    waitMs: number
    refusedAt?: string
  }): Promise<void>
  /** Gives back what this process holds. */
  close(): Promise<void>
}

/**
 * `sql`: a raw pool. `listen`: hears of blocks in other processes at once, instead of within 250 ms. `holder`: this process; a worker
 * gives the id under which it says that it lives, so that what it may have in flight comes back as soon as it is known to be dead.
 */
export function createQuota(
  sql: Sql,
  options: { listen?: Sql; random?: () => number; holder?: string } = {},
): Quota {
  const { listen, random = Math.random, holder = randomUUID() } = options
  const clock = createDatabaseClock()
  const pacers = new Map<string, Pacer>()
  const slots = new Map<string, Slots>()
  const listening = listen?.listen('sluice_quota', (credentialId) =>
    pacers.get(credentialId)?.drop(),
  )
  listening?.catch(() => undefined)
  const sweep = setInterval(forgetIdle, bounds.laneIdleMs).unref()

  function pacerOf(credentialId: string): Pacer {
    const pacer = pacers.get(credentialId) ?? createPacer(sql, credentialId, clock)
    pacers.set(credentialId, pacer)
    return pacer
  }

  function slotsOf(credentialId: string, key: string): Slots {
    const name = `${credentialId} ${key}`
    const known = slots.get(name) ?? createSlots(sql, credentialId, key, holder)
    slots.set(name, known)
    return known
  }

  function forgetIdle(): void {
    const now = performance.now()
    for (const [id, pacer] of pacers) if (pacer.idle(now)) pacers.delete(id)
    for (const [name, held] of slots) if (held.idle(now)) slots.delete(name)
  }

  async function take({
    credentialId,
    sync,
    limits,
    bucket,
    priority,
    signal,
    onWait,
  }: Take): Promise<Grant> {
    if (credentialId === null) return await unmetered(sql, signal)
    const deadline = performance.now() + bounds.inlineWaitMs
    const needs = needsOf(limits, bucket)
    const releases: (() => void)[] = []
    const release = () => releases.splice(0).forEach((giveBack) => giveBack())
    try {
      for (const { key, max } of needs.caps) {
        releases.push(await slotsOf(credentialId, key).acquire({ max, priority, deadline, signal }))
      }
      const start = await pacerOf(credentialId).start({
        sync,
        priority,
        needs,
        deadline,
        signal,
        onWait,
      })
      return grantOf(start, release)
    } catch (error) {
      release()
      throw error
    }
  }

  function grantOf(start: Start, release: () => void): Grant {
    const now = performance.now()
    return {
      observedAt: isoMicros(Math.max(start.databaseMs, clock.databaseMs(now))),
      usable: () => performance.now() - start.checkedAt <= bounds.grantMs,
      release,
    }
  }

  return {
    take,
    async block({ credentialId, bucket, waitMs, refusedAt }) {
      pacers.get(credentialId)?.drop()
      // a little later for each process and time, so that not all come back in the same moment
      const jitterMs = random() * Math.min(waitMs * 0.1, 1000)
      const waitUs = Math.round((waitMs + jitterMs) * 1000)
      const refusedUs = refusedAt === undefined ? null : microsOf(refusedAt)
      await withAppErrors(async () => {
        await sql`
          select quota_block_v1(${credentialId}::uuid, ${bucket ?? ''}, ${String(waitUs)}::bigint, ${refusedUs}::float8,
            ${bounds.startsBetweenRefusals}::int)`
      })
      pacers.get(credentialId)?.drop()
    },
    async close() {
      clearInterval(sweep)
      const meta = await listening?.catch(() => undefined)
      await Promise.allSettled([
        meta?.unlisten(),
        ...[...slots.values()].map((held) => held.close()),
      ])
    },
  }
}

async function unmetered(sql: Sql, signal: AbortSignal): Promise<Grant> {
  const sentAt = performance.now()
  try {
    const [row] = await sql<
      { us: number }[]
    >`select extract(epoch from clock_timestamp())::float8 * 1000000 as us`
    if (signal.aborted) throw aborted()
    return {
      observedAt: isoMicros(row!.us / 1000),
      usable: () => performance.now() - sentAt <= bounds.grantMs,
      release: () => undefined,
    }
  } catch (error) {
    throw toAppError(error)
  }
}

/** Microseconds since 1970 of a time of isoMicros. */
function microsOf(iso: string): number {
  return Date.parse(`${iso.slice(0, 19)}Z`) * 1000 + Number(iso.slice(20, 26))
}
