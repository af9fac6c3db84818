/** What workflows and activities say to each other: ids and counts, no record, no cursor, no secret (≤ 2 kB each way). */
import type { SyncStatus } from '../src/domain/sync.ts'

/** `yield`: no change of intent; the slices return so that the workflow can continue as new. */
export type Intent = 'pause' | 'resume' | 'resync' | 'nudge' | 'remove' | 'yield'

/** What a sync is asked to be, as of `epoch`: the larger epoch is the later word. */
export type Standing = { status: SyncStatus; epoch: number }

export type SyncFacts = {
  provider: string
  tenantId: string
  name: string | null
  frequency: string
}

export type Checked = Standing & {
  facts: SyncFacts
  /** Why the provider refuses the credential; null: it does not. */
  refused: string | null
}

export type Plan = Standing & {
  facts: SyncFacts
  /** Collections with something left to read, in the order of need. */
  collections: string[]
  nextDueInMs: number
  collectionsTotal: number
  collectionsComplete: number
  records: number
  /** The first few. */
  blocked: { collectionId: string; reason: string }[]
  /** Warnings of the whole sync, in sentences: a feed that cannot be followed, deletes that wait for approval. */
  notes: string[]
}

export type BackfillAnswer = {
  /** Nothing left to read in this enumeration. */
  done: boolean
  aborted: boolean
  pages: number
  records: number
  /** Why this collection cannot be read; the others go on. */
  blocked: string | null
}

export type ChangesAnswer = Standing & {
  aborted: boolean
  /** Changes seen. */
  changes: number
  /** When a change was last seen, in ms since 1970; null: none in this slice. */
  lastChangeMs: number | null
  /** Until the next slice is due; 0: at once. */
  waitMs: number
  /** Something is to be enumerated now: plan again. */
  replan: boolean
}

export type ControlActivities = {
  /** Is the credential still accepted, and the same account? One or two requests; none unless the sync is active. */
  checkCredential(input: { syncId: string }): Promise<Checked>
  /** Commits what begins (positions of feeds, ranges) and tells what there is to read. */
  planBackfill(input: { syncId: string }): Promise<Plan>
  setIntent(input: {
    syncId: string
    intent: Intent
    collectionIds?: string[]
    keepRecords?: boolean
  }): Promise<Standing>
  /** A bounded part of the removal, from where the last one got to. */
  purge(input: { syncId: string; from?: PurgePosition | undefined }): Promise<Purged>
}

/** All records of the sources before it, and of its own up to `after`, are gone. */
export type PurgePosition = { sourceNo: number; after: string }
/** `reached`: where to go on; none where the end was reached. */
export type Purged = { done: boolean; records: number; reached?: PurgePosition }

export type SliceActivities = {
  backfillSlice(input: { syncId: string; collectionId: string }): Promise<BackfillAnswer>
  changesSlice(input: { syncId: string }): Promise<ChangesAnswer>
}
