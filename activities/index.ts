/** Activities as workers run them: thin shells that turn errors into failures. What they do stands in one file each. */
import { Context } from '@temporalio/activity'
import { CancelledFailure } from '@temporalio/common'
import { toAppError } from '../src/db/errors.ts'
import { AppError, assert } from '../src/domain/error.ts'
import { limits } from '../src/domain/limits.ts'
import { toFailure } from '../src/temporal/failure.ts'
import { backfillSlice } from './backfillSlice.ts'
import { changesSlice } from './changesSlice.ts'
import { checkCredential } from './checkCredential.ts'
import type { ControlActivities, SliceActivities } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import { planBackfill } from './planBackfill.ts'
import { purge } from './purge.ts'
import { setIntent } from './setIntent.ts'

export function createActivities(deps: ActivityDeps): {
  control: ControlActivities
  slices: SliceActivities
} {
  const shell =
    <In extends { syncId: string }, Out>(work: (input: In, signal: AbortSignal) => Promise<Out>) =>
    async (input: In): Promise<Out> => {
      const { info, cancellationSignal } = Context.current()
      try {
        const answer = await work(input, cancellationSignal)
        assert(
          JSON.stringify(answer).length <= limits.payloadBytes,
          'answers of activities are small',
        )
        return answer
      } catch (thrown) {
        if (thrown instanceof CancelledFailure) throw thrown
        throw failureOf(deps, thrown, {
          activity: info.activityType,
          attempt: info.attempt,
          syncId: input.syncId,
        })
      }
    }
  return {
    control: {
      checkCredential: shell(({ syncId }, signal) => checkCredential(deps, syncId, signal)),
      planBackfill: shell(({ syncId }, signal) => planBackfill(deps, syncId, signal)),
      setIntent: shell((input) => setIntent(deps, input)),
      purge: shell(({ syncId, from }) => purge(deps, syncId, from)),
    },
    slices: {
      backfillSlice: shell((input) =>
        measured(
          deps,
          'backfill',
          backfillSlice(deps, input, () => Context.current().heartbeat()),
        ),
      ),
      changesSlice: shell(({ syncId }) => measured(deps, 'changes', changesSlice(deps, syncId))),
    },
  }
}

async function measured<Out extends { aborted: boolean; done?: boolean }>(
  { metrics }: ActivityDeps,
  kind: 'backfill' | 'changes',
  slice: Promise<Out>,
): Promise<Out> {
  const end = metrics.slices.startTimer({ kind })
  metrics.slicesRunning.inc({ kind })
  try {
    const answer = await slice
    end({ outcome: answer.aborted ? 'aborted' : answer.done === false ? 'more' : 'done' })
    return answer
  } catch (error) {
    end({ outcome: 'failed' })
    throw error
  } finally {
    metrics.slicesRunning.dec({ kind })
  }
}

type Where = { activity: string; attempt: number; syncId: string }

/** The log has what the history must not: the cause. Being told to wait or to stop is no news. */
function failureOf(deps: ActivityDeps, thrown: unknown, where: Where) {
  const error = thrown instanceof AppError ? thrown : toAppError(thrown)
  const event = { event: 'activity.failed', ...where, kind: error.kind, reason: error.message }
  if (error.kind === 'bug') deps.log.error({ ...event, error: thrown })
  else if (error.kind === 'rate_limited' || error.kind === 'stopped') deps.log.debug(event)
  else deps.log.warn(event)
  return toFailure(error, where.attempt)
}
