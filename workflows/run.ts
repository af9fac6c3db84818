/** What one run of the workflow knows. Everything that must outlive the run is in `Carry`; all else is in Postgres. */
import { workflowInfo } from '@temporalio/workflow'
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
  /** The plan is stale. */
  replan: boolean
  /** Slices that have not returned; continue-as-new waits for them. */
  outstanding: number
  nextPassAtMs: number
  /** For the dashboard. */
  plan: Plan | null
  reading: Map<string, { records: number }>
  following: { changes: number; lastChangeMs: number | null; sinceMs: number } | null
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
    replan: false,
    outstanding: 0,
    nextPassAtMs: carry?.nextPassAtMs ?? 0,
    plan: null,
    reading: new Map(),
    following: null,
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
