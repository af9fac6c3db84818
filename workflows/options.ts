/** The only ways in which workflows run activities. Figures: measured, see docs/architecture.md. */
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import type { ControlActivities, SliceActivities } from '../activities/contract.ts'
import { TASK_QUEUES } from '../src/temporal/names.ts'

// Set explicitly everywhere: unset means TRY_CANCEL, whatever the type's comment says.
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED

/** Database only, short. Commands first: a person waits for them. */
export const control = proxyActivities<ControlActivities>({
  taskQueue: TASK_QUEUES.control,
  cancellationType,
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '30s' },
  priority: { priorityKey: 1 },
})

/** May ask the provider for little, or work through pages of our own. */
export const errands = proxyActivities<ControlActivities>({
  taskQueue: TASK_QUEUES.control,
  cancellationType,
  startToCloseTimeout: '2m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
  priority: { priorityKey: 2 },
})

/** Short slices with heartbeats: 30 s of pages. */
export const backfill = proxyActivities<SliceActivities>({
  taskQueue: TASK_QUEUES.slices,
  cancellationType,
  startToCloseTimeout: '2m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
  priority: { priorityKey: 4 },
})

/** Long slices without heartbeats, which would cost more than all else; a lease per worker replaces them. */
export const changes = proxyActivities<SliceActivities>({
  taskQueue: TASK_QUEUES.slices,
  cancellationType,
  startToCloseTimeout: '12m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  priority: { priorityKey: 3 },
})
