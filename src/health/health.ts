/** Health is derived, never stored: facts → checks → what the API shows. */
import type { Query } from '../db/pools.ts'
import type { CollectionPhase } from '../domain/sync.ts'
import type { Check, HealthStatus } from './checks.ts'
import { checksOf, expectedLagMs } from './checks.ts'
import type { CollectionFacts, SyncFacts } from './facts.ts'
import { factsOf } from './facts.ts'

export type SyncHealth = {
  health: {
    status: HealthStatus
    checks: { name: string; status: HealthStatus; message: string }[]
    lastHealthyAt: Date | null
    erroringSince: Date | null
  }
  collections: CollectionHealth[]
}

export type CollectionHealth = {
  collectionId: string
  phase: CollectionPhase
  recordsSeen: number
  /** Between 0 and 1; null: the total is not known. */
  progress: number | null
  eta: Date | null
  lastCheckedAt: Date | null
  lagSeconds: number | null
  /** What the lag is expected to stay below. */
  expectedLagSeconds: number | null
  lastError: string | null
}

/** Health and collections of syncs of the tenant, in one query. */
export async function healthOf(
  sql: Query,
  tenantId: string,
  syncIds: string[],
): Promise<Map<string, SyncHealth>> {
  const all = await factsOf(sql, tenantId, syncIds)
  return new Map(all.map((facts) => [facts.syncId, judge(facts)]))
}

export function judge(facts: SyncFacts): SyncHealth {
  const checks = checksOf(facts)
  const status = worst(checks)
  const erroringSinceMs = sinceOf(checks)
  return {
    health: {
      status,
      checks: checks.map(({ name, status, message }) => ({ name, status, message })),
      lastHealthyAt: lastHealthy(facts, status, erroringSinceMs),
      erroringSince: erroringSinceMs === null ? null : new Date(erroringSinceMs),
    },
    collections: facts.collections.map((one) => collectionHealth(facts, one)),
  }
}

/** What is wrong outranks what has not begun; what has not begun outranks a warning. */
const ranks: Record<HealthStatus, number> = { healthy: 0, warning: 1, initializing: 2, error: 3 }

function worst(checks: Check[]): HealthStatus {
  return checks.reduce<HealthStatus>(
    (so, { status }) => (ranks[status] > ranks[so] ? status : so),
    'healthy',
  )
}

function sinceOf(checks: Check[]): number | null {
  const since = checks.flatMap((one) =>
    one.status === 'error' && one.sinceMs !== null ? [one.sinceMs] : [],
  )
  return since.length === 0 ? null : Math.min(...since)
}

function lastHealthy(
  facts: SyncFacts,
  status: HealthStatus,
  erroringSinceMs: number | null,
): Date | null {
  if (status === 'initializing') return null
  if (status !== 'error') return new Date(facts.nowMs)
  const known = erroringSinceMs ?? facts.lastProgressAtMs
  return known === null ? null : new Date(known)
}

export function collectionHealth(facts: SyncFacts, one: CollectionFacts): CollectionHealth {
  const progress = progressOf(one)
  return {
    collectionId: one.collectionId,
    phase: phaseOf(facts, one),
    recordsSeen: Math.max(one.seen, one.compared ?? 0) + one.looked,
    progress,
    eta: etaOf(facts, one, progress),
    lastCheckedAt: one.lastCheckedAtMs === null ? null : new Date(one.lastCheckedAtMs),
    lagSeconds: lagOf(facts, one),
    expectedLagSeconds: seconds(expectedLagMs(facts, one)),
    lastError: one.blocked?.reason ?? one.error?.message ?? null,
  }
}

function phaseOf(facts: SyncFacts, one: CollectionFacts): CollectionPhase {
  if (facts.status === 'paused') return 'paused'
  return facts.refused === null ? one.phase : 'blocked'
}

/** Known only where a whole enumeration has told how many there are. Never invented. */
function progressOf(one: CollectionFacts): number | null {
  if (one.enumeratingSinceMs === null) return one.backfilled ? 1 : null
  if (one.compared === null || one.compared === 0) return null
  return Math.min(0.99, one.seen / one.compared)
}

function etaOf(
  { nowMs, status }: SyncFacts,
  one: CollectionFacts,
  progress: number | null,
): Date | null {
  if (
    status !== 'active' ||
    one.enumeratingSinceMs === null ||
    progress === null ||
    progress < 0.01
  )
    return null
  const elapsedMs = nowMs - one.enumeratingSinceMs
  return new Date(nowMs + (elapsedMs * (1 - progress)) / progress)
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms / 1_000)
}

/** How old what we know may be: since the first change that waits to be read, or since the last look. */
function lagOf({ nowMs }: SyncFacts, one: CollectionFacts): number | null {
  const known = one.oldestHintAtMs ?? one.lastCheckedAtMs
  return known === null || one.phase === 'waiting'
    ? null
    : Math.max(0, Math.round((nowMs - known) / 1_000))
}
