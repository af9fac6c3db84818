/** Activities that run by Temporal's books, looked at and failed from outside. */
import type { Client } from '@temporalio/client'
import { ActivityNotFoundError, WorkflowNotFoundError } from '@temporalio/client'
import type { PendingOf } from '../../activities/lost.ts'
import type { ActivityRef } from '../../activities/takeover.ts'
import { limits } from '../domain/limits.ts'
import { takenOver } from './failure.ts'
import { workflowId } from './names.ts'

/**
 * `PENDING_ACTIVITY_STATE_STARTED` of Temporal's API, and `…_CANCEL_REQUESTED`: a nudge cancels what waits for its next try, and
 * one that a worker took stays in this state until it ends.
 */
const taken = [2, 3]

export function pendingWith(client: Client): PendingOf {
  return async (syncId) => {
    const id = workflowId(syncId)
    try {
      const { raw, runId } = await client.connection.withDeadline(
        Date.now() + limits.commandDeadlineMs,
        async () => await client.workflow.getHandle(id).describe(),
      )
      return (raw.pendingActivities ?? [])
        .filter((one) => taken.includes(Number(one.state)))
        .map((one) => ({
          workflowId: id,
          runId,
          activityId: one.activityId ?? '',
          type: one.activityType?.name ?? '',
          runningForMs: Date.now() - Number(one.lastStartedTime?.seconds ?? 0) * 1_000,
        }))
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error
      return []
    }
  }
}

/** An activity that is no longer there needs no taking over. */
export function failWith(client: Client) {
  return async (activity: ActivityRef): Promise<void> => {
    try {
      await client.connection.withDeadline(Date.now() + limits.commandDeadlineMs, async () => {
        await client.activity.fail(activity, takenOver())
      })
    } catch (error) {
      if (!(error instanceof ActivityNotFoundError)) throw error
    }
  }
}
