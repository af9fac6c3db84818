import { expect, test } from 'vitest'
import { createHubspotSimulator } from './simulator.ts'
import { openTestPortal, startMs } from '../../../test/support/hubspotPortal.ts'

test('a seeded portal is of about the size asked for, and the same for one seed', () => {
  const make = () => {
    const simulator = createHubspotSimulator({ seed: 5, now: () => startMs })
    simulator.seedAccount(2000)
    return simulator
  }
  const simulator = make()
  const truth = simulator.snapshot()
  const types = Object.keys(truth).filter((name) => !name.includes('_to_'))
  const records = types
    .filter((name) => !['pipelines', 'properties', 'schemas', 'list_memberships'].includes(name))
    .reduce((sum, name) => sum + Object.keys(truth[name]!).length, 0)
  expect(records).toBeGreaterThan(1800)
  expect(records).toBeLessThan(2200)
  expect(make().snapshot()).toEqual(truth)
  const { archived, merged } = simulator.fates('contacts')
  expect(archived.length).toBeGreaterThan(5)
  expect(Object.keys(merged).length).toBeGreaterThan(2)
  const companies = Object.keys(truth.companies_to_contacts!).map((key) => key.split('/')[0]!)
  const sizes = companies.map((id) => companies.filter((other) => other === id).length)
  expect(Math.max(...sizes)).toBeGreaterThan(10)
})

test('every association is told from both sides, and names records that are there', () => {
  const simulator = createHubspotSimulator({ seed: 6 })
  simulator.seedAccount(800)
  for (const [from, to] of [
    ['deals', 'companies'],
    ['tickets', 'contacts'],
  ]) {
    const keys = (a: string, b: string) =>
      Object.keys(simulator.snapshot(`${a}_to_${b}`)[`${a}_to_${b}`]!)
    const there = keys(from!, to!)
    const back = keys(to!, from!).map((key) => key.split('/').toReversed().join('/'))
    expect(there.toSorted()).toEqual(back.toSorted())
    const [froms, tos] = [simulator.snapshot(from)[from!]!, simulator.snapshot(to)[to!]!]
    for (const key of there) {
      const [fromId, toId] = key.split('/')
      expect(froms).toHaveProperty([fromId!])
      expect(tos).toHaveProperty([toId!])
    }
  }
})

test('a living portal changes by itself in every way, until it is told to stand still', async () => {
  const simulator = createHubspotSimulator({ seed: 3 })
  simulator.seedAccount(300)
  const before = JSON.stringify(simulator.snapshot())
  const ways = () => {
    const { archived, merged, gone } = simulator.fates('contacts')
    return [archived.length, Object.keys(merged).length, gone.length]
  }
  const [archived, merged, gone] = ways()
  const stop = simulator.live(1000)
  expect(simulator.rate).toBe(1000)
  await expect
    .poll(() => ways()[2]! > gone! && ways()[1]! > merged!, { timeout: 10_000 })
    .toBe(true)
  expect(ways()[0]).not.toBe(archived)
  stop()
  expect(simulator.rate).toBe(0)
  const after = JSON.stringify(simulator.snapshot())
  expect(after).not.toBe(before)
  await new Promise((resolve) => setImmediate(resolve))
  expect(JSON.stringify(simulator.snapshot())).toBe(after)
})

test('the remote control does what the methods do', async () => {
  const { simulator, get, send } = await openTestPortal()
  const control = async (method: string, path: string, body?: object) =>
    (await send(method, `/_sim${path}`, body)).body
  await control('POST', '/seed', { total: 100 })
  const { id } = await control('POST', '/create', { collection: 'cars', fields: { model: 'T' } })
  const cars = `p${simulator.accountId}_cars`
  expect((await control('GET', `/snapshot?collection=${cars}`))[cars]).toHaveProperty([id])
  await control('POST', '/archive', { collection: cars, id })
  expect(await control('GET', `/fates?collection=${cars}`)).toMatchObject({ archived: [id] })
  await control('PUT', '/settings', { suspended: true })
  expect((await get('/crm/v3/owners')).status).toBe(403)
  await control('PUT', '/settings', { suspended: false })
  const { key } = await control('POST', '/keys', { without: ['deals'] })
  expect((await get('/crm/v3/objects/deals', key)).status).toBe(403)
  const { access_token: token } = await control('POST', '/tokens', {})
  expect((await get('/crm/v3/objects/deals', token)).status).toBe(200)
  await control('PUT', '/keys', { key: token, expired: true })
  expect((await get('/crm/v3/objects/deals', token)).status).toBe(401)
  await control('POST', '/properties', { collection: 'deals', name: 'mood' })
  expect((await get('/crm/v3/properties/deals/mood')).status).toBe(200)
  const { faults } = await control('PUT', '/faults', [{ kind: 'rate_limit' }] as never)
  expect(faults).toHaveLength(1)
  expect((await get('/crm/v3/owners')).status).toBe(429)
  expect((await control('GET', '/log')).log.at(-1)).toMatchObject({
    path: '/crm/v3/owners',
    status: 429,
    fault: 'rate_limit',
    key: simulator.keys.secret.slice(-4),
  })
  expect(await control('POST', '/create', { collection: 'nothing' })).toHaveProperty('error')
})
