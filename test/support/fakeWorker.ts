import { randomUUID } from 'node:crypto'
import { searchKeys, TASK_QUEUES, WORKFLOW_TYPE, workflowId } from '../../src/temporal/names.ts'
import type { Activities } from '../../src/temporal/worker.ts'
import { FakeSync } from './fakeActivities.ts'
import type { TestTemporal } from './temporalServer.ts'

export type StartedFake = {
  syncId: string
  fake: FakeSync
  handle: ReturnType<TestTemporal['client']['workflow']['getHandle']>
}

/** One worker for the fake syncs of a whole file: each test has a sync of its own, told apart by its id. */
export class FakeWorker {
  readonly fakes = new Map<string, FakeSync>()
  readonly #temporal: TestTemporal

  constructor(temporal: TestTemporal) {
    this.#temporal = temporal
  }

  async start(): Promise<void> {
    const of = ({ syncId }: { syncId: string }): Activities => this.fakes.get(syncId)!.activities()
    await this.#temporal.work({
      control: {
        checkCredential: async (input) => await of(input).control.checkCredential(input),
        planBackfill: async (input) => await of(input).control.planBackfill(input),
        setIntent: async (input) => await of(input).control.setIntent(input),
        purge: async (input) => await of(input).control.purge(input),
      },
      slices: {
        backfillSlice: async (input) => await of(input).slices.backfillSlice(input),
        changesSlice: async (input) => await of(input).slices.changesSlice(input),
      },
    })
  }

  /** `historyLimit`: continues as new at so many events. */
  async run(
    prepare: (fake: FakeSync) => void = () => undefined,
    historyLimit?: number,
  ): Promise<StartedFake> {
    const syncId = randomUUID()
    const fake = new FakeSync()
    prepare(fake)
    this.fakes.set(syncId, fake)
    if (historyLimit === undefined) {
      await this.#temporal.syncs.start({
        syncId,
        tenantId: 'tenant-1',
        provider: 'acme',
        name: 'Fake',
      })
    } else {
      await this.#temporal.client.workflow.start(WORKFLOW_TYPE, {
        workflowId: workflowId(syncId),
        taskQueue: TASK_QUEUES.control,
        args: [{ syncId, historyLimit }],
        memo: { name: 'Fake' },
        typedSearchAttributes: [{ key: searchKeys.name, value: 'Fake' }],
      })
    }
    return { syncId, fake, handle: this.#temporal.client.workflow.getHandle(workflowId(syncId)) }
  }

  /** What operators read. */
  async details(syncId: string): Promise<string> {
    const answer = await this.#temporal.client.workflow
      .getHandle(workflowId(syncId))
      .query<{ currentDetails?: string }>('__temporal_workflow_metadata')
    return answer.currentDetails ?? ''
  }

  async end(): Promise<void> {
    for (const syncId of this.fakes.keys()) {
      const handle = this.#temporal.client.workflow.getHandle(workflowId(syncId))
      await handle.terminate('the test is over').catch(() => undefined)
    }
  }
}
