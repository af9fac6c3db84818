import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../src/domain/error.ts'
import { failWith, pendingWith } from '../src/temporal/pending.ts'
import { FakeSync } from '../test/support/fakeActivities.ts'
import type { FakeActivity } from '../test/support/fakeActivities.ts'
import { FakeWorker } from '../test/support/fakeWorker.ts'
import { openTemporal } from '../test/support/temporal.ts'
import type { TestTemporal } from '../test/support/temporal.ts'

let temporal: TestTemporal
let worker: FakeWorker

beforeAll(async () => {
  temporal = await openTemporal()
  worker = new FakeWorker(temporal)
  await worker.start()
})

afterAll(async () => {
  await worker.end()
  await temporal.close()
})

const started: FakeWorker['run'] = (...args) => worker.run(...args)
const details = (syncId: string) => worker.details(syncId)
const within = { timeout: 10_000, interval: 20 }

describe('commands by update', () => {
  test('pause answers once it holds, and its slices have returned; resume starts them again', async () => {
    const { syncId, fake } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    expect(await temporal.syncs.pause(syncId)).toEqual({ accepted: 'done' })
    expect(fake.standing).toEqual({ status: 'paused', epoch: 2 })
    await expect.poll(() => fake.running, within).toBe(0)
    await expect.poll(() => details(syncId), within).toContain('### Paused')
    expect(await temporal.syncs.resume(syncId)).toEqual({ accepted: 'done' })
    await expect.poll(() => fake.running, within).toBe(1)
    expect(fake.intents).toEqual(['pause', 'resume'])
  })

  test('resync enumerates the collections again beside the changes', async () => {
    const { syncId, fake } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    expect(await temporal.syncs.resync(syncId, ['acme:thing'])).toEqual({ accepted: 'done' })
    await expect.poll(() => fake.calls, within).toContain('backfill acme:thing')
    await expect.poll(() => fake.running, within).toBe(1)
  })

  test('a nudge ends the wait for the next look', async () => {
    const { syncId, fake } = await started((fake) => {
      fake.passWaitMs = 3_600_000
      fake.facts.frequency = '1h'
    })
    await expect.poll(() => fake.calls.length, within).toBe(1)
    await temporal.syncs.nudge(syncId)
    await expect.poll(() => fake.calls.length, within).toBe(2)
    await expect.poll(() => details(syncId), within).toContain('one look every 1h')
  })

  test('a resync of something that is no list of ids is refused', async () => {
    const { syncId, fake } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    await expect(temporal.syncs.resync(syncId, 'acme:thing' as never)).rejects.toMatchObject({
      kind: 'invalid',
    })
    expect(fake.intents).toEqual([])
  })

  test('pausing what is paused answers again, and changes nothing', async () => {
    const { syncId } = await started()
    await temporal.syncs.pause(syncId)
    expect(await temporal.syncs.pause(syncId)).toEqual({ accepted: 'done' })
  })

  test('remove purges in pages, and the workflow ends', async () => {
    const { syncId, fake, handle } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    expect(await temporal.syncs.remove(syncId)).toEqual({ accepted: 'done' })
    await handle.result()
    expect(fake.purges).toBe(2)
    expect(fake.running).toBe(0)
  })

  test('a command for a sync without a workflow starts it', async () => {
    const syncId = randomUUID()
    worker.fakes.set(syncId, new FakeSync())
    expect(await temporal.syncs.pause(syncId)).toEqual({ accepted: 'done' })
    expect(worker.fakes.get(syncId)!.standing.status).toBe('paused')
  })
})

describe('commands by plain signal', () => {
  test('pause, resume and resync work without any argument', async () => {
    const { fake, handle } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    await handle.signal('pause')
    await expect.poll(() => fake.running, within).toBe(0)
    await handle.signal('resync')
    await expect.poll(() => fake.standing, within).toEqual({ status: 'paused', epoch: 3 })
    expect(fake.calls).not.toContain('backfill acme:thing')
    await handle.signal('resume')
    await expect.poll(() => fake.calls, within).toContain('backfill acme:thing')
    await expect.poll(() => fake.running, within).toBe(1)
  })

  test('nudge wakes, remove ends', async () => {
    const { fake, handle } = await started((fake) => {
      fake.passWaitMs = 3_600_000
    })
    await expect.poll(() => fake.calls.length, within).toBe(1)
    await handle.signal('nudge')
    await expect.poll(() => fake.calls.length, within).toBe(2)
    await handle.signal('remove')
    await handle.result()
    expect(fake.purges).toBe(2)
  })

  test('nonsense is shown in the details, and hurts nothing', async () => {
    const { syncId, fake, handle } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    await handle.signal('resync', { collection_ids: 7 })
    await handle.signal('nudge')
    await expect.poll(() => fake.intents, within).toEqual(['nudge'])
    await expect.poll(() => details(syncId), within).toContain('A signal was ignored')
  })

  test('the same request by update and by signal is obeyed once', async () => {
    const { fake, handle } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    const input = { request_id: 'r1' }
    await handle.executeUpdate('resync', { args: [input] })
    await handle.signal('resync', input)
    await handle.executeUpdate('nudge', { args: [{}] })
    expect(fake.intents).toEqual(['resync', 'nudge'])
  })
})

describe('a refused credential', () => {
  test('blocks the sync; a nudge tries again, and it goes on', async () => {
    const { syncId, fake } = await started((fake) => {
      fake.refused = 'The key was refused: update the credential.'
    })
    await expect.poll(() => details(syncId), within).toContain('The key was refused')
    expect(fake.calls).toEqual([])
    fake.refused = null
    await temporal.syncs.nudge(syncId)
    await expect.poll(() => fake.running, within).toBe(1)
    expect(fake.checks).toBe(2)
  })

  test('met in a slice, stops both loops', async () => {
    const { syncId, fake } = await started((fake) => {
      fake.due = ['acme:thing']
      fake.refused = null
      fake.backfillFails = () => new AppError('auth', 'The key was refused meanwhile.')
    })
    await expect.poll(() => details(syncId), within).toContain('The key was refused meanwhile.')
    await expect.poll(() => details(syncId), within).toContain('### Blocked')
    await temporal.syncs.pause(syncId)
    await expect.poll(() => details(syncId), within).toContain('### Paused')
    fake.backfillFails = () => null
    await temporal.syncs.resume(syncId)
    await expect
      .poll(() => fake.calls.filter((call) => call === 'changes').length, within)
      .toBeGreaterThan(1)
  })
})

describe('G14: an activity that waits for its next try', () => {
  /** As after a long outage: the next try is an hour away. */
  function away(which: FakeActivity) {
    const state = { broken: true, tries: 0 }
    const prepare = (fake: FakeSync) => {
      fake.due = ['acme:thing']
      fake.fails = (activity) => {
        if (activity !== which || !state.broken) return null
        state.tries += 1
        return new AppError('transient', 'It does not answer.', { retryAfterMs: 3_600_000 })
      }
    }
    return { state, prepare }
  }

  const activities = ['checkCredential', 'planBackfill', 'backfillSlice', 'changesSlice'] as const

  test.each(activities)('tries at once at a nudge: %s', async (which) => {
    const { state, prepare } = away(which)
    const { syncId, fake } = await started(prepare)
    await expect.poll(() => state.tries, within).toBe(1)
    await temporal.syncs.nudge(syncId)
    await expect.poll(() => state.tries, within).toBe(2)
    state.broken = false
    await temporal.syncs.nudge(syncId)
    await expect.poll(() => fake.passed, within).toContain(which)
  })

  test('tries at once after a pause and a resume', async () => {
    const { state, prepare } = away('changesSlice')
    const { syncId } = await started(prepare)
    await expect.poll(() => state.tries, within).toBe(1)
    await temporal.syncs.pause(syncId)
    await temporal.syncs.resume(syncId)
    await expect.poll(() => state.tries, within).toBe(2)
  })

  test('does not keep the workflow from continuing as new', async () => {
    const { state, prepare } = away('changesSlice')
    const { syncId, handle } = await started(prepare, 30)
    const first = (await handle.describe()).runId
    await expect.poll(() => state.tries, within).toBe(1)
    for (let i = 0; i < 4; i++) await temporal.syncs.nudge(syncId)
    await expect.poll(async () => (await handle.describe()).runId, within).not.toBe(first)
    await expect.poll(() => details(syncId), within).toContain('### Live')
  })
})

describe('continue-as-new', () => {
  test('loses no command, keeps the intent and the memo, and its slices return first', async () => {
    const { syncId, fake, handle } = await started(() => undefined, 40)
    const first = (await handle.describe()).runId
    for (let i = 0; i < 20; i++) await temporal.syncs.nudge(syncId)
    await temporal.syncs.pause(syncId)
    // Some may have been signalled, where the runs changed just then.
    await expect
      .poll(() => fake.intents.filter((intent) => intent !== 'yield'), within)
      .toEqual([...Array<string>(20).fill('nudge'), 'pause'])
    expect(fake.intents).toContain('yield')
    const now = await handle.describe()
    expect(now.runId).not.toBe(first)
    expect(now.memo).toEqual({ name: 'Fake' })
    expect(now.searchAttributes).toMatchObject({ SluiceName: ['Fake'] })
    expect(fake.checks).toBe(1)
    await expect.poll(() => details(syncId), within).toContain('### Paused')
    await temporal.syncs.resume(syncId)
    await expect.poll(() => fake.running, within).toBe(1)
  })
})

test('G14: a slice that was lost is found by what Temporal has running, also after a nudge', async () => {
  const { syncId, fake, handle } = await started((fake) => {
    fake.loses = true
  })
  const lost = async () =>
    (await pendingWith(temporal.client)(syncId)).filter(({ type }) => type === 'changesSlice')
  await expect.poll(lost, within).toHaveLength(1)
  await temporal.syncs.nudge(syncId)
  const cancelled = async () =>
    (await handle.fetchHistory()).events?.some(
      (one) => one.activityTaskCancelRequestedEventAttributes,
    )
  await expect.poll(cancelled, within).toBe(true)
  expect(await lost()).toHaveLength(1)
  expect(fake.running).toBe(0)
  await failWith(temporal.client)((await lost())[0]!)
  await expect.poll(() => fake.running, within).toBe(1)
})

describe("Temporal's own cancel", () => {
  test('hurts nothing: the sync goes on, says so, and obeys', async () => {
    const { syncId, fake, handle } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    await handle.cancel()
    await expect.poll(() => details(syncId), within).toContain('A cancellation was requested')
    expect(fake.running).toBe(1)
    expect(await temporal.syncs.pause(syncId)).toEqual({ accepted: 'done' })
    await expect.poll(() => details(syncId), within).toContain('### Paused')
    await handle.signal('resume')
    await expect.poll(() => fake.running, within).toBe(1)
  })

  test('a blocked sync, and one between two looks, go on as well', async () => {
    const { syncId, fake, handle } = await started((fake) => {
      fake.passWaitMs = 3_600_000
      fake.backfillFails = () => new AppError('auth', 'The key was refused.')
      fake.due = ['acme:thing']
    })
    await expect.poll(() => details(syncId), within).toContain('### Blocked')
    await handle.cancel()
    await expect.poll(() => details(syncId), within).toContain('A cancellation was requested')
    fake.backfillFails = () => null
    expect(await temporal.syncs.nudge(syncId)).toEqual({ accepted: 'done' })
    await expect.poll(() => details(syncId), within).toContain('### Live')
    await temporal.syncs.remove(syncId)
    await handle.result()
  })
})

describe('what operators see', () => {
  test('search attributes follow the state, and handlers say what they do', async () => {
    const { syncId, fake, handle } = await started()
    await expect.poll(() => fake.running, within).toBe(1)
    await temporal.syncs.pause(syncId)
    await expect
      .poll(async () => (await handle.describe()).searchAttributes, within)
      .toMatchObject({
        SluiceState: ['paused'],
        SluiceProvider: ['acme'],
        SluiceTenant: ['tenant-1'],
      })
    const metadata = await handle.query<{
      definition: { signalDefinitions: { name: string; description: string }[] }
    }>('__temporal_workflow_metadata')
    for (const name of ['pause', 'resume', 'resync', 'nudge', 'remove']) {
      const found = metadata.definition.signalDefinitions.find((signal) => signal.name === name)
      expect(found?.description).toBeTruthy()
    }
  })
})
