import { Context } from '@temporalio/activity'
import type {
  BackfillAnswer,
  ChangesAnswer,
  Intent,
  Plan,
  Standing,
} from '../../activities/contract.ts'
import type { Activities } from '../../src/temporal/worker.ts'
import type { AppError } from '../../src/domain/error.ts'
import { toFailure } from '../../src/temporal/failure.ts'

export type FakeActivity = 'checkCredential' | 'planBackfill' | 'backfillSlice' | 'changesSlice'

/** A sync that lives in memory: what the workflow asks of it is kept, slices end when intents change, as the real ones do. */
export class FakeSync {
  standing: Standing = { status: 'active', epoch: 1 }
  facts = { provider: 'acme', tenantId: 'tenant-1', name: 'Fake', frequency: 'continuous' }
  refused: string | null = null
  /** What planBackfill offers next; emptied by the slices that read it. */
  due: string[] = []
  collections = ['acme:thing']
  intents: Intent[] = []
  calls: string[] = []
  checks = 0
  purges = 0
  running = 0
  /** A duration: the changes slice answers at once with this wait. Null: it runs until it is told to return. */
  passWaitMs: number | null = null
  /** The next changes slice is lost: it hears nothing, and never answers. */
  loses = false
  backfillFails: (collectionId: string) => AppError | null = () => null
  fails: (activity: FakeActivity) => AppError | null = () => null
  /** Tries of activities that were let through `fails`. */
  passed: FakeActivity[] = []
  #release = new Set<() => void>()

  activities(): Activities {
    return {
      control: {
        checkCredential: async () => {
          this.#pass('checkCredential')
          this.checks += 1
          return { ...this.standing, facts: this.facts, refused: this.refused }
        },
        planBackfill: async () => this.#plan(),
        setIntent: async ({ intent, collectionIds }) => this.#intend(intent, collectionIds),
        purge: async () => {
          this.purges += 1
          return { done: this.purges >= 2, records: 1 }
        },
      },
      slices: {
        backfillSlice: async ({ collectionId }) => await this.#backfill(collectionId),
        changesSlice: async () => await this.#follow(),
      },
    }
  }

  #pass(activity: FakeActivity): void {
    const failure = this.fails(activity)
    if (failure !== null) throw toFailure(failure)
    this.passed.push(activity)
  }

  #plan(): Plan {
    this.#pass('planBackfill')
    return {
      ...this.standing,
      facts: this.facts,
      collections: [...this.due],
      nextDueInMs: 3_600_000,
      collectionsTotal: this.collections.length,
      collectionsComplete: this.collections.length - this.due.length,
      records: 0,
      blocked: [],
      notes: [],
    }
  }

  #intend(intent: Intent, collectionIds: string[] | undefined): Standing {
    this.intents.push(intent)
    const { status, epoch } = this.standing
    switch (intent) {
      case 'pause':
        this.standing = { status: 'paused', epoch: epoch + 1 }
        break
      case 'resume':
        this.standing = { status: 'active', epoch: epoch + 1 }
        break
      case 'remove':
        this.standing = { status: 'deleted', epoch: epoch + 1 }
        break
      case 'resync':
        this.standing = { status, epoch: epoch + 1 }
        this.due = collectionIds ?? [...this.collections]
        break
      case 'nudge':
      case 'yield':
        break
    }
    for (const release of this.#release) release()
    return this.standing
  }

  async #backfill(collectionId: string): Promise<BackfillAnswer> {
    this.calls.push(`backfill ${collectionId}`)
    this.#pass('backfillSlice')
    const failure = this.backfillFails(collectionId)
    if (failure !== null) throw toFailure(failure)
    this.due = this.due.filter((id) => id !== collectionId)
    return { done: true, aborted: false, pages: 1, records: 10, blocked: null }
  }

  async #follow(): Promise<ChangesAnswer> {
    this.calls.push('changes')
    this.#pass('changesSlice')
    const nothing = { aborted: false, changes: 0, lastChangeMs: null, waitMs: 0, replan: false }
    if (this.loses) {
      this.loses = false
      // only its worker's end ends it: nothing else is told to an activity without heartbeats
      return await Context.current().cancelled
    }
    if (this.passWaitMs !== null) return { ...this.standing, ...nothing, waitMs: this.passWaitMs }
    if (this.standing.status !== 'active') return { ...this.standing, ...nothing, aborted: true }
    this.running += 1
    await new Promise<void>((resolve) => {
      const release = () => {
        this.#release.delete(release)
        resolve()
      }
      this.#release.add(release)
      Context.current().cancellationSignal.addEventListener('abort', release)
    })
    this.running -= 1
    return { ...this.standing, ...nothing, aborted: true }
  }
}
