/** Follows the account: one long slice after the other, or one look each time that the frequency says. */
import { condition, isCancellation } from '@temporalio/workflow'
import type { ChangesAnswer } from '../activities/contract.ts'
import { changes } from './options.ts'
import type { Run } from './run.ts'
import { adopt, counted, stopping, unlessCut } from './run.ts'
import { show, tell } from './show.ts'
import { judge } from './trouble.ts'

const second = 1_000
const minute = 60_000

export async function changesLoop(run: Run): Promise<void> {
  run.following ??= { changes: 0, lastChangeMs: null, sinceMs: Date.now(), toldMs: null }
  while (!stopping(run)) {
    await waitUntil(run, run.nextPassAtMs)
    if (stopping(run)) return
    // What was due is under way now.
    tell(run)
    const { nudges } = run
    const answer = await look(run)
    if (answer !== null) note(run, answer)
    // A nudge that came during the slice has been heard by it, or is heard now.
    if (run.nudges === nudges)
      run.nextPassAtMs = answer === null ? run.nextPassAtMs : nextPass(answer)
    show(run)
  }
}

async function look(run: Run): Promise<ChangesAnswer | null> {
  const frequency = run.facts?.frequency ?? 'continuous'
  const summary =
    frequency === 'continuous' ? 'Follow the changes' : `Look for changes (every ${frequency})`
  try {
    return await counted(
      run,
      unlessCut(run, () =>
        changes.changesSlice.executeWithOptions({ summary }, [{ syncId: run.syncId }]),
      ),
    )
  } catch (error) {
    if (isCancellation(error)) throw error
    run.nextPassAtMs = Date.now() + (judge(run, error) === 'at once' ? second : minute)
    return null
  }
}

function note(run: Run, answer: ChangesAnswer): void {
  adopt(run, answer)
  if (answer.replan) run.replan = true
  if (run.following === null) return
  run.following.changes += answer.changes
  run.following.toldMs = Date.now()
  run.following.lastChangeMs = answer.lastChangeMs ?? run.following.lastChangeMs
}

function nextPass(answer: ChangesAnswer): number {
  if (answer.aborted) return Date.now() + second
  return answer.waitMs > 0 ? Date.now() + answer.waitMs : 0
}

async function waitUntil(run: Run, atMs: number): Promise<void> {
  const { nudges } = run
  const waitMs = atMs - Date.now()
  if (waitMs <= 0) return
  const frequency = run.facts?.frequency ?? 'continuous'
  await condition(() => stopping(run) || run.nudges !== nudges, waitMs, {
    summary:
      frequency === 'continuous'
        ? 'The changes are followed again'
        : `Next look for changes (every ${frequency})`,
  })
}
