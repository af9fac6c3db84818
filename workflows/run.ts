/** What one run of the workflow knows. Everything that must outlive the run is in `Carry`; all else is in Postgres. */
import { CancellationScope, patched, workflowInfo } from '@temporalio/workflow'
import type { Checked, Intent, Plan, Standing, SyncFacts } from '../activities/contract.ts'
import type { SyncStatus } from '../src/domain/sync.ts'

export type SyncInput = {
  syncId: string
  carry?: Carry
  /** Tests: continue as new at this many events. */
  historyLimit?: number
}

/** Travels over continue-as-new. A new field is optional; a changed meaning is a new version. */
export type Carry = {
  version: 1
  status: SyncStatus
  epoch: number
  facts: SyncFacts | null
  blocked: Trouble | null
  /** Requests obeyed lately: one that came as an update and again as a signal counts once. */
  requestIds: string[]
  nextPassAtMs: number
}

export type Trouble = { message: string; sinceMs: number }

export type Command = {
  intent: Intent
  collectionIds?: string[]
  keepRecords?: boolean
  requestId: string | null
  /** Set when obeyed. */
  answer: Standing | null
  failure: Error | null
}

/** `cut`: somebody said "look now", so that it is not waited for. */
type Try = { scope: CancellationScope; cut: boolean }

export type Run = {
  readonly syncId: string
  readonly historyLimit: number | null
  status: SyncStatus
  epoch: number
  facts: SyncFacts | null
  /** The credential is refused: nothing runs until a nudge or the hour. */
  blocked: Trouble | null
  /** Nudges heard before it was refused. */
  blockedNudges: number
  /** Something unexpected, after which it went on. */
  trouble: Trouble | null
  queue: Command[]
  obeying: boolean
  requestIds: string[]
  /** Moves at each nudge: waits end. */
  nudges: number
  /** Nudges cut waits between tries; false in runs that began with older code. */
  readonly cuts: boolean
  /** Activities under way that may be waiting for their next try. */
  tries: Set<Try>
  /** The plan is stale. */
  replan: boolean
  /** Slices that have not returned; continue-as-new waits for them. */
  outstanding: number
  nextPassAtMs: number
  /** For the dashboard. */
  plan: Plan | null
  reading: Map<string, { records: number }>
  /** Read since the plan was made. */
  sincePlan: { done: number; records: number }
  following: {
    changes: number
    lastChangeMs: number | null
    sinceMs: number
    toldMs: number | null
  } | null
  nextCompareAtMs: number | null
  nextTryAtMs: number | null
  shownState: string | null
}

export function restore(input: SyncInput): Run {
  const carry = input.carry
  return {
    syncId: input.syncId,
    historyLimit: input.historyLimit ?? null,
    status: carry?.status ?? 'active',
    epoch: carry?.epoch ?? 0,
    facts: carry?.facts ?? null,
    blocked: carry?.blocked ?? null,
    blockedNudges: 0,
    trouble: null,
    queue: [],
    obeying: false,
    requestIds: carry?.requestIds ?? [],
    nudges: 0,
    cuts: patched('nudge-cuts-waits'),
    tries: new Set(),
    replan: false,
    outstanding: 0,
    nextPassAtMs: carry?.nextPassAtMs ?? 0,
    plan: null,
    reading: new Map(),
    sincePlan: { done: 0, records: 0 },
    following: null,
    nextCompareAtMs: null,
    nextTryAtMs: null,
    shownState: null,
  }
}

export function carryOf(run: Run): Carry {
  const { status, epoch, facts, blocked, requestIds, nextPassAtMs } = run
  return { version: 1, status, epoch, facts, blocked, requestIds, nextPassAtMs }
}

/** An activity read the row; a word that is older than what we know says nothing. */
export function adopt(run: Run, word: Standing | Checked | Plan): void {
  if ('facts' in word) run.facts = word.facts
  if (word.epoch < run.epoch) return
  run.epoch = word.epoch
  run.status = word.status
}

/** The provider refuses the credential; since when, is kept while it goes on. */
export function block(run: Run, message: string): void {
  run.blocked = { message, sinceMs: run.blocked?.sinceMs ?? Date.now() }
  run.blockedNudges = run.nudges
}

/** History has grown enough. */
export function full(run: Run): boolean {
  const info = workflowInfo()
  return (
    info.continueAsNewSuggested ||
    (run.historyLimit !== null && info.historyLength > run.historyLimit)
  )
}

/** Whoever loops ends its round and returns. */
export function stopping(run: Run): boolean {
  return run.status !== 'active' || run.blocked !== null || full(run)
}

/** Counts a slice while it runs. */
export async function counted<T>(run: Run, slice: Promise<T>): Promise<T> {
  run.outstanding += 1
  try {
    return await slice
  } finally {
    run.outstanding -= 1
  }
}

/**
 * Runs an activity whose retries a nudge cuts short: between two tries Temporal would wait for minutes, or as long as a
 * provider told us to wait, and hear nothing. Null: it was cut, and whoever asked for it asks anew. A run of older code gets
 * the activity's own promise: one more turn of the event loop would change what follows what.
 */
export function unlessCut<T>(run: Run, activity: () => Promise<T>): Promise<T | null> {
  return run.cuts ? cuttable(run, activity) : activity()
}

async function cuttable<T>(run: Run, activity: () => Promise<T>): Promise<T | null> {
  const outer = CancellationScope.current()
  const mine: Try = { scope: new CancellationScope(), cut: false }
  run.tries.add(mine)
  try {
    return await mine.scope.run(activity)
  } catch (error) {
    if (!mine.cut || outer.consideredCancelled) throw error
    return null
  } finally {
    run.tries.delete(mine)
  }
}

/**
 * Ends the waits between tries of what was under way at `since`. One that waits ends at once; one that runs ends as it would
 * have: the word that makes slices return came to it from the database.
 */
export function cutTries(run: Run, since: readonly Try[]): void {
  for (const one of since) {
    if (!run.tries.has(one)) continue
    one.cut = true
    one.scope.cancel()
  }
}
