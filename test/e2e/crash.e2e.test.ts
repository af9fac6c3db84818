import { once } from 'node:events'
import { expect, test } from 'vitest'
import { openRoad, patiently } from '../support/road.ts'

test('G1, G9, G11: a worker is killed in mid-slice; another takes over, and at rest the stream is the account', async () => {
  await using road = await openRoad({ total: 2_500 })
  road.simulator.faults.add({ kind: 'latency', ms: 100 })
  const first = await road.spawnWorker()
  await road.sync()
  await expect.poll(() => road.simulator.log.length, patiently).toBeGreaterThan(15)
  first.kill('SIGKILL')
  await once(first, 'exit')
  road.simulator.faults.clear()
  const customers = Object.keys(road.simulator.snapshot('customer')['customer'] ?? {})
  road.simulator.create('customer', { name: 'made while nobody looked' })
  road.simulator.update('customer', customers[0]!, { name: 'changed while nobody looked' })
  road.simulator.remove('customer', customers[1]!)
  expect(await road.differences()).not.toEqual([])
  await road.spawnWorker()
  await road.atRest()
  const [gone] = await road.database.sql<
    { deleted: boolean }[]
  >`select deleted from record where upstream_id = ${customers[1]!}`
  expect(gone === undefined || gone.deleted).toBe(true)
})

test('G9: of two workers one is killed; the other has all its slices within 12 s', async () => {
  await using road = await openRoad({ total: 200 })
  const workers = [await road.spawnWorker(), await road.spawnWorker()]
  await road.sync()
  await road.atRest()
  road.simulator.live(5)
  const busy = async () =>
    (
      await road.database.sql<
        { id: string }[]
      >`select worker_id as id from slices where name = 'changes'`
    )[0]?.id
  await expect.poll(busy, patiently).toBeDefined()
  const before = await busy()
  // Which of the two it is only they know: one is stopped and looks dead, the other is left.
  for (const worker of workers) {
    if (worker.exitCode !== null) continue
    worker.kill('SIGSTOP')
    const killedAt = Date.now()
    await expect.poll(async () => Date.now() - killedAt > 2_500, patiently).toBe(true)
    const silent = road.requestsSince(killedAt + 1_500) === 0
    if (!silent) {
      worker.kill('SIGCONT')
      continue
    }
    worker.kill('SIGKILL')
    await expect.poll(busy, { ...patiently, timeout: 12_000 }).not.toBe(before)
    await expect
      .poll(() => road.requestsSince(Date.now() - 1_000), { ...patiently, timeout: 12_000 })
      .toBeGreaterThan(0)
    return
  }
  throw new Error('none of the two workers followed the account')
})

test('a worker that is told to stop leaves within seconds, and its slices run elsewhere', async () => {
  await using road = await openRoad({ total: 200 })
  const first = await road.spawnWorker()
  await road.sync()
  await road.atRest()
  await road.spawnWorker()
  const toldAt = Date.now()
  first.kill('SIGTERM')
  await once(first, 'exit')
  expect(Date.now() - toldAt).toBeLessThan(10_000)
  const created = road.simulator.create('customer', { name: 'Ada' })
  await expect
    .poll(
      async () =>
        (await road.database.sql`select 1 from record where upstream_id = ${created.id}`).length,
      patiently,
    )
    .toBe(1)
})
