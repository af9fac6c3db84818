/** Access tokens that expire in the middle of things, and refresh tokens that are good once. */
import { expect, test } from 'vitest'
import { openPortalRoad } from '../support/portalRoad.ts'
import { patiently } from '../support/road.ts'

const healthy = { status: 'healthy' }

test('G11: tokens expire in mid-backfill of two syncs in two processes: one refresh an expiry, and nothing is lost', async () => {
  const lifeMs = 4_000
  await using scene = await openPortalRoad({ accessTokenMs: lifeMs, rotateRefreshTokens: true })
  const { portal, road } = scene
  portal.seedAccount(2_000)
  portal.faults.add({ kind: 'latency', path: '/crm/*', ms: 1_500 })
  await road.work()
  await road.spawnWorker()
  const credential_id = await scene.connect()
  const imported = scene.asked('/token').length
  const fields = { credential: undefined, credential_id }
  const syncs = [
    await scene.sync(['contacts', 'companies', 'contacts_to_companies'], fields),
    await scene.sync(['deals', 'tickets', 'contacts_to_deals', 'lists'], fields),
  ]
  const lives = () => scene.asked('/token').slice(imported)
  await expect.poll(() => lives().length, patiently).toBeGreaterThan(2)
  const under = await road.database.sql`select 1 from source where backfilled_at is null`
  expect(under.length).toBeGreaterThan(0)
  portal.faults.clear()
  await scene.atRest()
  const at = lives()
  const gaps = at.slice(1).map((ms, index) => ms - at[index]!)
  expect(Math.min(...gaps)).toBeGreaterThan(0.85 * lifeMs)
  // a refresh token that is sent a second time is refused
  const refusals = portal.log.filter(
    ({ path, status }) => path.endsWith('/token') && status !== 200,
  )
  expect(refusals).toEqual([])
  for (const id of syncs) expect(await scene.check(id, 'credential')).toMatchObject(healthy)
})

test('G14: the answer of a refresh is lost, and the provider answers the used token once more: nobody notices', async () => {
  await using scene = await openPortalRoad({
    accessTokenMs: 3_000,
    rotateRefreshTokens: true,
    refreshGraceMs: 60_000,
  })
  const { portal, road } = scene
  portal.seedAccount(100)
  await road.work()
  const syncId = await scene.sync(['contacts', 'deals'], {
    credential: undefined,
    credential_id: await scene.connect(),
  })
  await scene.atRest()
  const lost = portal.faults.add({ kind: 'reset', path: '/oauth/v1/token', count: 1 })
  await expect.poll(() => lost.hits, patiently).toBe(1)
  const after = scene.asked('/token').length
  portal.create('contacts')
  await scene.atRest()
  await expect.poll(() => scene.asked('/token').length, patiently).toBeGreaterThan(after + 1)
  portal.create('contacts')
  await scene.atRest()
  expect(await scene.check(syncId, 'credential')).toMatchObject(healthy)
})

test('G14: without such grace health says what happened and what to do, and a new refresh token is all that it takes', async () => {
  await using scene = await openPortalRoad({ accessTokenMs: 3_000, rotateRefreshTokens: true })
  const { portal, road } = scene
  portal.seedAccount(100)
  await road.work()
  const credentialId = await scene.connect()
  const syncId = await scene.sync(['contacts', 'deals'], {
    credential: undefined,
    credential_id: credentialId,
  })
  await scene.atRest()
  const lost = portal.faults.add({ kind: 'reset', path: '/oauth/v1/token', count: 1 })
  await expect.poll(() => lost.hits, patiently).toBe(1)
  await expect
    .poll(async () => (await scene.check(syncId, 'credential')).message, patiently)
    .toMatch(/put the new refresh_token into the credential\. An earlier refresh was begun/)
  const asked = scene.asked('/token').length
  portal.create('contacts')
  const properties = { refresh_token: portal.keys.install() }
  const patched = await road.ask('PATCH', `/v1/credentials/${credentialId}`, { properties })
  expect(patched.status).toBe(200)
  await scene.atRest()
  expect(await scene.check(syncId, 'credential')).toMatchObject(healthy)
  expect(scene.asked('/token').length - asked).toBeLessThan(10)
})
