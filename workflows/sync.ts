/**
 * One workflow a sync, for the sync's whole life. It decides what runs and when; what is left to do is in Postgres.
 * Released code is changed only behind `patched()`, with a recorded history that replays (test/replay).
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  workflowInfo,
} from '@temporalio/workflow'
import type { PurgePosition } from '../activities/contract.ts'
import { backfillLoop } from './backfill.ts'
import { changesLoop } from './changes.ts'
import { listen, obey } from './commands.ts'
import { control, errands } from './options.ts'
import type { Run, SyncInput } from './run.ts'
import { adopt, block, carryOf, cutTries, full, restore, stopping, unlessCut } from './run.ts'
import { show, tell } from './show.ts'
import { sentence, typeOf } from './trouble.ts'

const hour = 3_600_000
const askAgainMs = 5_000

export async function syncWorkflow(input: SyncInput): Promise<void> {
  const run = restore(input)
  listen(run)
  tellCancellation(run)
  await CancellationScope.nonCancellable(() => live(run, input))
}

/**
 * Temporal's own "cancel", the first button that its UI offers, is no word of ours: the row says whether a sync is to run,
 * and the watch would start it again. So it goes on, and says what to send instead.
 */
function tellCancellation(run: Run): void {
  CancellationScope.current().cancelRequested.catch(() => {
    run.trouble = {
      message:
        'A cancellation was requested and ignored: it is not how a sync is stopped. Send the signal `pause`, or `remove` to end it for good.',
      sinceMs: Date.now(),
    }
    tell(run)
  })
}

async function live(run: Run, input: SyncInput): Promise<void> {
  void obey(run, () => show(run))
  if (input.carry === undefined) await check(run)
  for (;;) {
    show(run)
    if (run.status === 'deleted') return await remove(run)
    if (full(run)) {
      await settle(run)
      if (quiet(run)) return await continueAs(run, input)
    } else if (run.status === 'paused') {
      await condition(() => run.status !== 'paused' || full(run))
    } else if (run.blocked !== null) {
      await waitForCredential(run)
    } else {
      await follow(run)
    }
  }
}

/** Both loops side by side until something else is wanted. Nobody waits for slices that were told to stop. */
async function follow(run: Run): Promise<void> {
  const scope = new CancellationScope()
  let broken: unknown = null
  void scope
    .run(async () => await Promise.all([backfillLoop(run), changesLoop(run)]))
    .catch((error: unknown) => {
      if (!isCancellation(error)) broken = error
    })
  await condition(() => stopping(run) || broken !== null)
  // A mistake in this code: the task fails, and is tried again by a worker that knows better.
  if (broken !== null) throw broken
  run.reading.clear()
  run.following = null
  if (run.status !== 'active' || run.blocked !== null) scope.cancel()
}

/** An activity does not survive continue-as-new: its slices are asked to return, then all is waited for. */
async function settle(run: Run): Promise<void> {
  while (!quiet(run)) {
    if (run.outstanding > 0) await askToReturn(run)
    const summary = 'Waits for its slices to return'
    if (await condition(() => quiet(run), askAgainMs, { summary })) return
    // One that began just after the word did not hear it; one that waits for its next try never does.
    cutTries(run, [...run.tries])
  }
}

async function askToReturn(run: Run): Promise<void> {
  await control.setIntent.executeWithOptions({ summary: 'Ask the slices to return' }, [
    { syncId: run.syncId, intent: 'yield' },
  ])
}

function quiet(run: Run): boolean {
  return run.outstanding === 0 && run.queue.length === 0 && !run.obeying && allHandlersFinished()
}

/** Memo upserts and static details are not carried by the server: the memo is given again, details are set anew. */
async function continueAs(run: Run, input: SyncInput): Promise<never> {
  const { memo } = workflowInfo()
  const next = makeContinueAsNewFunc<typeof syncWorkflow>(memo === undefined ? {} : { memo })
  return await next({
    syncId: run.syncId,
    carry: carryOf(run),
    ...(input.historyLimit === undefined ? {} : { historyLimit: input.historyLimit }),
  })
}

/** Asks the provider once whether the credential is still good. */
async function check(run: Run): Promise<void> {
  try {
    const checked = await unlessCut(run, () =>
      errands.checkCredential.executeWithOptions({ summary: 'Is the credential accepted?' }, [
        { syncId: run.syncId },
      ]),
    )
    if (checked === null) return await check(run)
    adopt(run, checked)
    if (checked.refused === null) run.blocked = null
    else block(run, checked.refused)
  } catch (error) {
    // Not a matter of the credential: the slices will meet it again, and say so.
    if (typeOf(error) === 'not_found') run.status = 'deleted'
    else if (run.blocked !== null) block(run, sentence(error))
    else run.trouble = { message: sentence(error), sinceMs: Date.now() }
  }
}

async function waitForCredential(run: Run): Promise<void> {
  run.nextTryAtMs = Date.now() + hour
  tell(run)
  await condition(
    () => run.nudges !== run.blockedNudges || run.status !== 'active' || full(run),
    hour,
    {
      summary: 'The credential is refused: tries again then, or at a nudge',
    },
  )
  if (run.status === 'active' && !full(run)) await check(run)
}

async function remove(run: Run): Promise<void> {
  let from: PurgePosition | undefined
  for (;;) {
    const { done, reached } = await errands.purge.executeWithOptions(
      { summary: 'Take its records out of the stream' },
      [{ syncId: run.syncId, from }],
    )
    if (done) break
    from = reached
  }
  await condition(() => quiet(run))
}
