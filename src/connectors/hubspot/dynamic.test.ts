import { expect, test } from 'vitest'
import { openTestPortal } from '../../../test/support/hubspotPortal.ts'
import { idsOf, listAll, readAll } from '../conformance/copy.ts'
import { createContext } from '../conformance/request.ts'
import { collectionNamed, feedNamed } from '../lookup.ts'
import { hubspot } from './index.ts'

async function open(options: { enterprise?: boolean } = {}) {
  const { simulator: portal, clock, url } = await openTestPortal({ portalId: '42', ...options })
  const properties = { access_token: portal.keys.secret }
  const credential = { kind: 'hubspot_private_app', properties }
  return { portal, clock, ctx: createContext(hubspot, { baseUrl: url, clock, credential }) }
}

const cars = {
  name: 'cars',
  labels: { singular: 'Car', plural: 'Cars' },
  properties: [{ name: 'model', type: 'string' }],
  associatedObjects: ['contacts'],
}

test('custom objects and what they are associated with are found, and read like all others', async () => {
  const { portal, clock, ctx } = await open()
  portal.addSchema(cars)
  portal.addSchema({ ...cars, name: 'trips', associatedObjects: [] })
  const found = await hubspot.dynamic!.discover(ctx)
  expect(found.map(({ name }) => name).toSorted()).toEqual([
    'p42_cars',
    'p42_cars_to_contacts',
    'p42_trips',
  ])
  expect(found.find(({ name }) => name === 'p42_cars')!.title).toBe('Cars')

  const feed = feedNamed(hubspot, 'p42_cars')!
  const start = await feed.start(ctx)
  clock.advance(10_000)
  const car = portal.create('cars', { model: 'Beetle' }).id
  const contact = portal.create('contacts').id
  portal.associate('cars', car, 'contacts', contact)
  const idsIn = async (name: string) => idsOf(await listAll(ctx, collectionNamed(hubspot, name)!))
  expect(await idsIn('p42_cars')).toEqual([car])
  expect(await idsIn('p42_cars_to_contacts')).toEqual([`${car}/${contact}`])
  const pages = await readAll(ctx, feed, start)
  expect(pages.flatMap(({ changes }) => changes)).toMatchObject([
    { id: car, raw: expect.stringContaining('"model":"Beetle"') },
  ])
})

test('an account without the tier for custom objects has none', async () => {
  const { ctx } = await open({ enterprise: false })
  expect(await hubspot.dynamic!.discover(ctx)).toEqual([])
})

test('names that no account can have are no collections', () => {
  for (const name of [
    'cars',
    'p42_',
    'p_cars',
    'cars_to_contacts',
    'contacts_to_nothing',
    'p1_a/b',
  ])
    expect(collectionNamed(hubspot, name), name).toBe(null)
})
