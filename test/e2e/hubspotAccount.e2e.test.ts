/** What one portal has or may and another has not. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPortalRoad } from '../support/portalRoad.ts'
import { patiently } from '../support/road.ts'

let scene: Awaited<ReturnType<typeof openPortalRoad>>
beforeAll(async () => {
  scene = await openPortalRoad()
  await scene.road.work()
})
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
})

/** Collections of a sync that were read whole, and why others are blocked. */
async function standing(syncId: string): Promise<Record<string, string>> {
  const rows = await scene.road.database.sql<{ id: string; is: string }[]>`
    select collection_id as id, coalesce(blocked_reason, case when backfilled_at is null then 'open' else 'whole' end) as is
      from source where sync_id = ${syncId}`
  return Object.fromEntries(rows.map((row) => [row.id.split(':')[1]!, row.is]))
}

test('custom objects are synced by their name, and one that this portal does not have is refused with the nearest', async () => {
  const { portal, road } = scene
  portal.seedAccount(100)
  const cars = `p${portal.accountId}_cars`
  const sync = (name: string) => scene.sync([name, 'contacts', `${cars}_to_contacts`])
  await expect(sync(`${cars.slice(0, -1)}z`)).rejects.toThrow(`did you mean \`hubspot:${cars}\`?`)
  await expect(sync('cars')).rejects.toThrow('is no collection of hubspot')
  const id = await sync(cars)
  await scene.atRest()
  // of associations too, which nothing but comparing sees
  const expected = async () => {
    const { body } = await road.ask('GET', `/v1/syncs/${id}`)
    const views = body.collections as { expected_lag_seconds: number | null }[]
    return views.map((one) => one.expected_lag_seconds)
  }
  await expect.poll(expected, patiently).not.toContain(null)
  const [car] = Object.keys(portal.snapshot(cars)[cars]!)
  portal.update('cars', car!, { model: 'Beetle' })
  await scene.atRest()
  const [{ count } = { count: 0 }] = await road.database.sql<{ count: number }[]>`
    select count(*)::int as count from record r join source s using (source_no) where s.collection_id like '%cars_to_contacts'`
  expect(count).toBeGreaterThan(0)
})

test('a token of another portal is refused on PATCH', async () => {
  const other = await scene.another({ seed: 2 })
  const [row] = await scene.road.database.sql<{ id: string }[]>`select id from credentials`
  const { properties } = other.credential
  const { kind: _, ...token } = properties
  const answer = await scene.road.ask('PATCH', `/v1/credentials/${row!.id}`, { properties: token })
  expect(answer).toMatchObject({
    status: 409,
    body: { type: expect.stringContaining('#account-mismatch') },
  })
})

test('a scope that is missing blocks the collections that need it, with its name, until the token has it', async () => {
  const other = await scene.another({ seed: 3 })
  other.portal.seedAccount(60)
  const { properties } = other.credential
  const access_token = other.portal.keys.restricted(['deals', 'lists'])
  const names = ['contacts', 'deals', 'lists', 'owners']
  const syncId = await scene.sync(names, {
    credential: { properties: { ...properties, access_token } },
  })
  await expect
    .poll(() => standing(syncId), patiently)
    .toEqual({
      contacts: 'whole',
      deals: expect.stringContaining('crm.objects.deals.read'),
      lists: expect.stringContaining('crm.lists.read'),
      owners: 'whole',
    })
  expect(await scene.check(syncId, 'collections')).toMatchObject({ status: 'warning' })
  const { body } = await scene.road.ask('GET', `/v1/syncs/${syncId}`)
  const patched = await scene.road.ask('PATCH', `/v1/credentials/${body.credential_id}`, {
    properties: { access_token: properties.access_token },
  })
  expect(patched.status).toBe(200)
  await scene.road.ask('POST', `/v1/syncs/${syncId}/check`)
  await expect
    .poll(() => standing(syncId), patiently)
    .toEqual(Object.fromEntries(names.map((name) => [name, 'whole'])))
})

test("a spent day stops everything until the portal's midnight, and health says until when", async () => {
  // there it is about noon, wherever we are
  const hours = 12 - new Date().getUTCHours()
  const timeZone = `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`
  const other = await scene.another({ seed: 4, limits: true, daily: 12, timeZone })
  other.portal.seedAccount(60)
  const syncId = await scene.sync(['contacts', 'deals'], { credential: other.credential })
  await expect
    .poll(() => scene.check(syncId, 'quota'), patiently)
    .toMatchObject({ status: 'warning', message: expect.stringContaining('asked to wait until') })
  const { message } = await scene.check(syncId, 'quota')
  const untilMs = Date.parse(/until (.+?);/.exec(message)![1]!)
  const midnightMs = Math.ceil((Date.now() + hours * 3_600_000) / 86_400_000) * 86_400_000
  expect(Math.abs(untilMs - (midnightMs - hours * 3_600_000))).toBeLessThan(5_000)
  expect(other.portal.log.filter(({ status }) => status === 429).length).toBeLessThan(8)
})

test('a portal that is suspended is left alone, health says so, and it goes on where it stopped', async () => {
  const other = await scene.another({ seed: 5 })
  other.portal.seedAccount(60)
  const names = ['contacts', 'deals', 'owners']
  const syncId = await scene.sync(names, { credential: other.credential })
  const whole = Object.fromEntries(names.map((name) => [name, 'whole']))
  await expect.poll(() => standing(syncId), patiently).toEqual(whole)
  other.portal.settings.suspended = true
  await expect
    .poll(async () => (await scene.check(syncId, 'credential')).message, patiently)
    .toContain('its trial or subscription may have ended')
  const asked = other.portal.log.length
  other.portal.create('contacts')
  await expect
    .poll(() => scene.check(syncId, 'progress'), patiently)
    .toMatchObject({ message: 'Waits for a credential that is accepted.' })
  expect(other.portal.log.length - asked).toBeLessThan(10)
  other.portal.settings.suspended = false
  const { id } = other.portal.create('contacts')
  await scene.road.ask('POST', `/v1/syncs/${syncId}/check`)
  await expect.poll(() => standing(syncId), patiently).toEqual(whole)
  await expect
    .poll(async () => {
      const rows = await scene.road.database.sql`
        select 1 from record where upstream_id = ${id}`
      return rows.length
    }, patiently)
    .toBe(1)
})
