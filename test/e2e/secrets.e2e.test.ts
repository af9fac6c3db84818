import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { expect, test } from 'vitest'
import { openRoad, patiently } from '../support/road.ts'

/** Every payload of a history, decoded, and the history as it stands. */
function readable(history: string): string {
  const found: string[] = [history]
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'data' && typeof inner === 'string')
        found.push(Buffer.from(inner, 'base64').toString('utf8'))
      else walk(inner)
    }
  }
  walk(JSON.parse(history))
  return found.join('\n')
}

test('G12: no secret and no record is in the history of a workflow, also not after failures', async () => {
  await using road = await openRoad({ total: 200 })
  road.simulator.create('customer', { name: 'Planted Name', email: 'planted@example.test' })
  await road.work()
  const secret = road.simulator.keys.secret
  const syncId = await road.sync()
  await road.atRest()
  for (const kind of ['server_error', 'html', 'cut'] as const) {
    const fault = road.simulator.faults.add({ kind })
    await road.ask('POST', `/v1/syncs/${syncId}/resync`)
    await expect.poll(() => fault.hits, patiently).toBeGreaterThan(0)
    fault.remove()
  }
  // believed when it comes twice
  road.simulator.faults.add({ kind: 'unauthorized' })
  await road.ask('POST', `/v1/syncs/${syncId}/resync`)
  const health = async () => (await road.ask('GET', `/v1/syncs/${syncId}`)).body.health.status
  await expect.poll(health, patiently).toBe('error')
  await road.ask('POST', `/v1/syncs/${syncId}/check`)
  await road.ask('POST', `/v1/syncs/${syncId}/pause`)
  const text = readable(historyToJSON(await road.handle(syncId).fetchHistory()))
  expect(text).toContain('backfillSlice')
  expect(text).toContain('auth')
  for (const planted of [
    secret,
    secret.slice(8),
    'Planted Name',
    'planted@example.test',
    road.database.url,
    'cus_',
  ]) {
    expect(text).not.toContain(planted)
  }
})
