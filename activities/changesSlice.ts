import { toAppError } from '../src/db/errors.ts'
import type { AppError } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { backoffMs, waitForPassMs } from '../src/domain/pace.ts'
import { noteError, noteLooked } from '../src/stream/source.ts'
import { feedsOf } from '../src/stream/checkpoint.ts'
import { nextTouchedDueMs } from '../src/stream/touched.ts'
import type { Fence } from '../src/stream/write.ts'
import { accountGuard } from './account.ts'
import type { ChangesAnswer } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { drain } from './drain.ts'
import { positionFeeds } from './feeds.ts'
import type { Part, Turn, Work } from './follow.ts'
import { drainFence, feedPart, probePart, relistPart } from './follow.ts'
import type { Opened } from './open.ts'
import { openSync } from './open.ts'
import type { Slice } from './slices.ts'
import type { Waiter } from './waiter.ts'
import { createWaiter } from './waiter.ts'
import { lifeSign, noteFailure, promiseLife, refuseCredential, standingOf } from './state.ts'

const minute = 60_000

type Progress = Pick<ChangesAnswer, 'changes' | 'lastChangeMs' | 'replan'> & { looks: number }

/**
 * `continuous`: follows for up to 10 min, polling inside, for a slice costs Temporal six actions whatever it does. A
 * duration: one look at everything. Returns normally when it is told to stop.
 */
export async function changesSlice(deps: ActivityDeps, syncId: string): Promise<ChangesAnswer> {
  const startedAtMs = deps.now()
  return await deps.slices.run({ syncId, name: 'changes' }, async (slice) => {
    const progress: Progress = { changes: 0, lastChangeMs: null, replan: false, looks: 0 }
    const opened = await openSync(deps, syncId)
    const { frequency } = opened.facts
    if (opened.status === 'active') {
      const failing = new AbortController()
      const signal = AbortSignal.any([slice.signal, failing.signal])
      const work: Work = {
        deps,
        opened,
        ctx: opened.context('changes', signal),
        refetch: opened.context('refetch', signal),
        signal,
        sameAccount: accountGuard(deps, opened, opened.context('refetch', signal)),
      }
      try {
        await promiseLife(deps.pools.write, syncId, limits.lifeSignDueMs)
        await follow(work, slice, failing, progress, {
          once: frequency !== 'continuous',
          endMs: startedAtMs + limits.changesSliceMs,
        })
      } catch (thrown) {
        const error = toAppError(thrown)
        if (!slice.signal.aborted && error.kind !== 'stopped') {
          if (error.kind === 'auth')
            await refuseCredential(deps.pools.write, opened.credential.id, error.message)
          await noteFailure(deps.pools.write, syncId, error)
          await promiseLife(deps.pools.write, syncId, nextTryMs(error) + limits.lifeSignDueMs)
          throw error
        }
      }
    }
    await countLooked(deps, opened).catch(() => undefined)
    const standing = await standingOf(deps.pools.write, syncId)
    const aborted = slice.signal.aborted || standing.epoch !== opened.epoch
    const waitMs = aborted
      ? 0
      : Math.round(waitForPassMs(frequency, deps.now() - startedAtMs, deps.random()))
    if (waitMs > 0) await promiseLife(deps.pools.write, syncId, waitMs + limits.passPatienceMs)
    const { looks, ...seen } = progress
    deps.log.info({
      event: 'slice.done',
      kind: 'changes',
      syncId,
      ...seen,
      looks,
      aborted,
      ms: deps.now() - startedAtMs,
    })
    return { ...standing, ...seen, aborted, waitMs }
  })
}

/** Temporal tries again within this: the watch need not, and its nudge would make every wait begin anew. */
function nextTryMs({ kind, retryAfterMs }: AppError): number {
  return Math.max(retryAfterMs ?? 0, kind === 'bug' ? limits.bugBackoffMaxMs : minute)
}

/** What polls and drain know of each other. */
type Round = {
  parts: Part[]
  /** The polls are over, for now or for good. */
  ended: boolean
  polls: Waiter
  hints: Waiter
}

type Span = { once: boolean; endMs: number }

/** Polls and the drain of hints side by side: neither waits for an answer that the other waits for. */
async function follow(
  work: Work,
  slice: Slice,
  failing: AbortController,
  progress: Progress,
  span: Span,
): Promise<void> {
  const fence = await drainFence(work)
  const round: Round = {
    parts: await partsOf(work, progress),
    ended: false,
    polls: createWaiter(work.signal),
    hints: slice,
  }
  let failure: { thrown: unknown } | null = null
  const failed = (thrown: unknown) => {
    failure ??= { thrown }
    failing.abort()
    slice.wake()
  }
  const polling = poll(work, round, progress, span)
    .catch(failed)
    .finally(() => {
      round.ended = true
      slice.wake()
    })
  await Promise.all([polling, drainHints(work, round, fence, progress, span).catch(failed)])
  if (failure !== null) throw (failure as { thrown: unknown }).thrown
}

async function poll(work: Work, round: Round, progress: Progress, span: Span): Promise<void> {
  const { deps, opened } = work
  const { once, endMs } = span
  let signedAtMs = 0
  let countedAtMs = deps.now()
  const over = () => work.signal.aborted || deps.now() >= endMs
  while (!over()) {
    for (const part of round.parts.filter((one) => one.dueAtMs <= deps.now())) {
      if (over()) return
      const turn = await turnOf(work, part, round.parts)
      progress.looks += 1
      note(progress, turn.changes, deps.now())
      progress.replan ||= turn.replan
      if (turn.changes > 0) round.hints.wake()
      if (turn.gone) round.parts = round.parts.filter((one) => one !== part)
    }
    if (deps.now() - countedAtMs > limits.countEveryMs) {
      await countLooked(deps, opened)
      countedAtMs = deps.now()
    }
    if (deps.now() - signedAtMs > limits.lifeSignEveryMs) {
      await lifeSign(deps.pools.write, opened.syncId, limits.lifeSignDueMs)
      signedAtMs = deps.now()
    }
    // Something is to be enumerated: the workflow plans that, and comes back at once.
    if (progress.replan) return
    const nextMs = Math.min(
      limits.lifeSignEveryMs,
      ...round.parts.map((part) => Math.max(0, part.dueAtMs - deps.now())),
    )
    if (once && !round.parts.some((part) => part.dueAtMs <= deps.now())) return
    await round.polls.wait(Math.min(nextMs, Math.max(0, endMs - deps.now())))
  }
}

/** Looks at what hints name; once the polls are over, only at what is due. */
async function drainHints(
  work: Work,
  round: Round,
  fence: Fence,
  progress: Progress,
  { endMs }: Span,
): Promise<void> {
  const { deps, opened } = work
  while (!work.signal.aborted && !progress.replan && deps.now() < endMs) {
    const { ended } = round
    const drained = await drain(work, fence)
    note(progress, drained.changed, deps.now())
    if (drained.changed > 0) {
      for (const part of round.parts) part.hurry?.()
      round.polls.wake()
    }
    if (drained.more) continue
    if (ended) return
    const touchedMs = await nextTouchedDueMs(deps.pools.write, opened.syncId)
    await round.hints.wait(Math.min(touchedMs ?? minute, minute, Math.max(0, endMs - deps.now())))
  }
}

/** The trouble of one part is not the others': it comes again later. Only where all are in trouble, the slice fails. */
async function turnOf(work: Work, part: Part, all: Part[]): Promise<Turn> {
  const { deps, opened } = work
  try {
    const turn = await part.turn()
    part.failures = 0
    return turn
  } catch (thrown) {
    const error = toAppError(thrown)
    part.failures += 1
    const own = error.kind === 'transient' || error.kind === 'bug' || error.kind === 'invalid'
    if (!own || work.signal.aborted || all.every((one) => one.failures > 0)) throw error
    await noteError(deps.pools.write, part.sourceNos, error.message)
    const waitMs = backoffMs(part.failures - 1, limits.partBackoffMs, limits.partBackoffMaxMs)
    part.dueAtMs = deps.now() + Math.max(waitMs, error.retryAfterMs ?? 0)
    deps.log.warn({
      event: 'part.failed',
      syncId: opened.syncId,
      sources: part.sourceNos,
      failures: part.failures,
      reason: error.message,
    })
    return { changes: 0, replan: false, gone: false }
  }
}

async function partsOf(work: Work, progress: Progress): Promise<Part[]> {
  const { deps, opened, ctx } = work
  const feeds = await positionFeeds(deps, opened, ctx)
  progress.replan ||= feeds.restarted
  const known = await feedsOf(deps.pools.write, opened.syncId)
  const parts = await Promise.all([
    ...feeds.followed.map(async (feed) => await feedPart(work, feed)),
    ...opened.sources.map(async (source) =>
      source.blockedKind === null ? await relistPart(work, source, known) : null,
    ),
  ])
  const probes = opened.sources.map((source) => probePart(work, source))
  return [...parts, ...probes].filter((part) => part !== null)
}

/** Numbers for people: what a killed worker had not yet written is left out. */
async function countLooked(deps: ActivityDeps, opened: Opened): Promise<void> {
  const counts = new Map(opened.looked)
  opened.looked.clear()
  await noteLooked(deps.pools.write, counts)
}

function note(progress: Progress, changes: number, nowMs: number): void {
  if (changes === 0) return
  progress.changes += changes
  progress.lastChangeMs = nowMs
}
