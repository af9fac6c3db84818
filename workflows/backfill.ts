/** Reads whole collections: asks what is left, runs a few slices at once, waits for the next that is due. */
import { condition, isCancellation } from '@temporalio/workflow'
import { limits } from '../src/domain/limits.ts'
import { backfill, errands } from './options.ts'
import type { Run } from './run.ts'
import { adopt, counted, stopping, unlessCut } from './run.ts'
import { show, tell } from './show.ts'
import { judge } from './trouble.ts'

const day = 86_400_000
const minute = 60_000

export async function backfillLoop(run: Run): Promise<void> {
  while (!stopping(run)) {
    const waitMs = await round(run)
    show(run)
    if (waitMs > 0 && !stopping(run)) {
      await condition(() => stopping(run) || run.replan, waitMs, {
        summary: 'The next collection is due to be compared',
      })
    }
  }
}

/** One plan and its slices. Returns how long to wait for the next. */
async function round(run: Run): Promise<number> {
  run.replan = false
  run.nextCompareAtMs = null
  try {
    const plan = await unlessCut(run, () =>
      errands.planBackfill.executeWithOptions({ summary: 'What is left to read?' }, [
        { syncId: run.syncId },
      ]),
    )
    if (plan === null) return 0
    run.plan = plan
    run.sincePlan = { done: 0, records: 0 }
  } catch (error) {
    if (isCancellation(error)) throw error
    return judge(run, error) === 'at once' ? limits.leaseEveryMs : minute
  }
  adopt(run, run.plan)
  show(run)
  const { collections, nextDueInMs } = run.plan
  if (stopping(run)) return 0
  if (collections.length === 0) {
    const waitMs = Math.min(Math.max(nextDueInMs, 1_000), day)
    run.nextCompareAtMs = Date.now() + waitMs
    return waitMs
  }
  const moved = await readAll(run, collections)
  // Slices that only were told to stop: whatever told them is on its way to us.
  return moved ? 0 : limits.leaseEveryMs
}

/** A few at once, each 30 s and then to the end of the queue, so that a large collection starves no small one. */
async function readAll(run: Run, collections: string[]): Promise<boolean> {
  const waiting = [...collections]
  let moved = false
  const reader = async () => {
    for (
      let id = waiting.shift();
      id !== undefined && !stopping(run) && !run.replan;
      id = waiting.shift()
    ) {
      const before = run.reading.get(id)?.records ?? 0
      run.reading.set(id, { records: before })
      show(run)
      const answer = await read(run, id)
      run.reading.delete(id)
      if (answer === null) continue
      run.sincePlan.records += answer.records
      if (answer.done) run.sincePlan.done += 1
      moved ||= answer.pages > 0 || answer.done || answer.blocked !== null
      if (!answer.done && !answer.aborted && answer.blocked === null) {
        run.reading.set(id, { records: before + answer.records })
        waiting.push(id)
      }
      tell(run)
    }
  }
  await Promise.all(
    Array.from({ length: Math.min(limits.collectionsAtOnce, collections.length) }, reader),
  )
  run.reading.clear()
  return moved
}

async function read(run: Run, collectionId: string) {
  try {
    return await counted(
      run,
      unlessCut(run, () =>
        backfill.backfillSlice.executeWithOptions({ summary: `Read ${collectionId}` }, [
          { syncId: run.syncId, collectionId },
        ]),
      ),
    )
  } catch (error) {
    if (isCancellation(error)) throw error
    judge(run, error)
    return null
  }
}
