/**
 * Records the histories that replay.test.ts replays: `node test/replay/record.ts <version> <temporal address>`, on a released
 * tag. A history of code that nobody has proves nothing, so a tree with changes is refused (`--dirty` overrules).
 */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { AppError } from '../../src/domain/error.ts'
import { workflowId } from '../../src/temporal/names.ts'
import { FakeWorker } from '../support/fakeWorker.ts'
import type { StartedFake } from '../support/fakeWorker.ts'
import { openTemporalAt } from '../support/temporalServer.ts'
import type { TestTemporal } from '../support/temporalServer.ts'

const [version, address, dirty] = process.argv.slice(2)
if (version === undefined || address === undefined) {
  throw new Error('usage: node test/replay/record.ts <version> <temporal address> [--dirty]')
}
if (dirty !== '--dirty' && execFileSync('git', ['status', '--porcelain']).length > 0) {
  throw new Error('The tree has changes: record on a released tag.')
}

const temporal = await openTemporalAt(address)
const worker = new FakeWorker(temporal)
await worker.start()
const folder = join(import.meta.dirname, 'histories')
await mkdir(folder, { recursive: true })
await record('life', await life())
await record('refused', await refused())
const continued = await continuedAsNew()
await record('before-continue-as-new', continued, continued.firstRunId)
await record('after-continue-as-new', continued)
await worker.end()
await temporal.close()

async function life(): Promise<StartedFake> {
  const started = await worker.run((fake) => {
    fake.due = ['acme:thing', 'acme:other']
  })
  const { syncId, fake } = started
  await until(() => fake.running === 1)
  await temporal.syncs.pause(syncId)
  await temporal.syncs.resume(syncId)
  await until(() => fake.running === 1)
  await started.handle.signal('resync')
  await until(() => fake.calls.includes('backfill acme:thing'))
  await started.handle.signal('pause')
  await until(() => fake.standing.status === 'paused')
  await temporal.syncs.resume(syncId)
  await until(() => fake.running === 1)
  await temporal.syncs.remove(syncId)
  await started.handle.result()
  return started
}

async function refused(): Promise<StartedFake> {
  const started = await worker.run((fake) => {
    fake.due = ['acme:thing']
    fake.backfillFails = () => new AppError('auth', 'The key was refused.')
  })
  const { syncId, fake } = started
  await until(async () => (await worker.details(syncId)).includes('### Blocked'))
  fake.backfillFails = () => null
  fake.passWaitMs = 60_000
  await temporal.syncs.nudge(syncId)
  await until(() => fake.checks === 2)
  await until(async () => (await worker.details(syncId)).includes('next look'))
  return started
}

async function continuedAsNew(): Promise<StartedFake & { firstRunId: string }> {
  const started = await worker.run(() => undefined, 40)
  const firstRunId = (await started.handle.describe()).runId
  for (let nudges = 0; nudges < 12; nudges++) await temporal.syncs.nudge(started.syncId)
  await until(async () => (await started.handle.describe()).runId !== firstRunId)
  await temporal.syncs.pause(started.syncId)
  return { ...started, firstRunId }
}

async function record(name: string, { syncId }: StartedFake, runId?: string): Promise<void> {
  const history = await historyOf(temporal, syncId, runId)
  await writeFile(
    join(folder, `${version}-${name}.json`),
    `${JSON.stringify(JSON.parse(history))}\n`,
  )
}

async function historyOf(
  { client }: TestTemporal,
  syncId: string,
  runId?: string,
): Promise<string> {
  return historyToJSON(await client.workflow.getHandle(workflowId(syncId), runId).fetchHistory())
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waits = 0; !(await holds()); waits++) {
    if (waits > 500) throw new Error('what was to be recorded did not happen')
    await pause(20)
  }
}
