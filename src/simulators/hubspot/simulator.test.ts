import { expect, test } from 'vitest'
import type { Body } from '../../../test/support/answer.ts'
import { dayMs, openTestPortal, startMs } from '../../../test/support/hubspotPortal.ts'

const contacts = '/crm/v3/objects/contacts'

test('a list goes by id, ends without paging, and its cursor is no number', async () => {
  const { simulator, get } = await openTestPortal()
  const ids = Array.from({ length: 5 }, () => simulator.create('contacts').id)
  const first = (await get(`${contacts}?limit=3`)).body
  expect(first.results.map(({ id }: Body) => id)).toEqual(ids.slice(0, 3))
  const { after } = first.paging.next
  expect(after).not.toMatch(/^\d+$/)
  const second = (await get(`${contacts}?limit=3&after=${encodeURIComponent(after)}`)).body
  expect(second.results.map(({ id }: Body) => id)).toEqual(ids.slice(3))
  expect(second).not.toHaveProperty('paging')
})

test('a page holds 100, with history 50, and asking for more is refused', async () => {
  const { get } = await openTestPortal()
  expect((await get(`${contacts}?limit=100`)).status).toBe(200)
  const refused = await get(`${contacts}?limit=101`)
  expect([refused.status, refused.body.category]).toEqual([400, 'VALIDATION_ERROR'])
  expect((await get(`${contacts}?limit=51&propertiesWithHistory=email`)).status).toBe(400)
})

test('asked for properties come with the dates and the id, unknown ones are ignored', async () => {
  const { simulator, get } = await openTestPortal()
  const { id } = simulator.create('contacts', { city: 'Kraków', jobtitle: null })
  const { body } = await get(`${contacts}/${id}?properties=city,nope&properties=jobtitle`)
  expect(body.properties).toEqual({
    city: 'Kraków',
    createdate: new Date(startMs).toISOString(),
    hs_object_id: id,
    jobtitle: null,
    lastmodifieddate: new Date(startMs).toISOString(),
  })
  expect(Object.keys((await get(`${contacts}/${id}`)).body.properties)).toEqual([
    'createdate',
    'email',
    'firstname',
    'hs_object_id',
    'lastmodifieddate',
    'lastname',
  ])
})

test('an archived record leaves the list, stays in the bin for 90 days, and is not modified by it', async () => {
  const { clock, simulator, get, send } = await openTestPortal()
  const { id } = simulator.create('deals')
  clock.advance(1000)
  expect((await send('DELETE', `/crm/v3/objects/deals/${id}`)).status).toBe(204)
  expect((await send('DELETE', `/crm/v3/objects/deals/${id}`)).status).toBe(204)
  expect((await get('/crm/v3/objects/deals')).body.results).toEqual([])
  const gone = await get(`/crm/v3/objects/deals/${id}`)
  expect([gone.status, gone.body.category]).toEqual([404, 'OBJECT_NOT_FOUND'])
  expect((await get('/crm/v3/objects/deals?archived=true')).body.results).toMatchObject([
    {
      id,
      archived: true,
      updatedAt: new Date(startMs).toISOString(),
      archivedAt: new Date(startMs + 1000).toISOString(),
    },
  ])
  expect((await get(`/crm/v3/objects/deals/${id}?archived=true`)).status).toBe(200)
  expect(simulator.fates('deals').archived).toEqual([id])
  clock.advance(91 * dayMs)
  expect((await get('/crm/v3/objects/deals?archived=true')).body.results).toEqual([])
  expect((await get(`/crm/v3/objects/deals/${id}?archived=true`)).status).toBe(404)
})

test('a restored record is live again, with a new modified date', async () => {
  const { clock, simulator, get } = await openTestPortal()
  const { id } = simulator.create('deals')
  simulator.archive('deals', id)
  clock.advance(5000)
  simulator.restore('deals', id)
  const { body } = await get(`/crm/v3/objects/deals/${id}`)
  expect(body).toMatchObject({ archived: false, updatedAt: new Date(startMs + 5000).toISOString() })
  expect(body).not.toHaveProperty('archivedAt')
})

test('a merge makes a third record; both old ids lead to it and stand in hs_merged_object_ids, chained ones too', async () => {
  const { simulator, get, post } = await openTestPortal()
  const make = () => simulator.create('companies').id
  const [a, b, c] = [make(), make(), make()]
  const first = (
    await post('/crm/v3/objects/companies/merge', { primaryObjectId: a, objectIdToMerge: b })
  ).body
  expect([a, b]).not.toContain(first.id)
  const second = simulator.merge('companies', first.id, c)
  const told = await get(`/crm/v3/objects/companies/${a}?properties=hs_merged_object_ids`)
  expect(told.body).toMatchObject({
    id: second.id,
    properties: { hs_merged_object_ids: [a, b, c, first.id].join(';') },
  })
  const live = (await get('/crm/v3/objects/companies')).body.results
  expect(live.map(({ id }: Body) => id)).toEqual([second.id])
  expect((await get('/crm/v3/objects/companies?archived=true')).body.results).toEqual([])
  expect(simulator.fates('companies').merged).toEqual({
    [a]: second.id,
    [b]: second.id,
    [c]: second.id,
    [first.id]: second.id,
  })
})

test('before 2025 the primary record survived a merge', async () => {
  const { simulator } = await openTestPortal({ mergeShape: 'primary' })
  const make = () => simulator.create('contacts').id
  const [a, b] = [make(), make()]
  expect(simulator.merge('contacts', a, b)).toMatchObject({
    id: a,
    values: { hs_merged_object_ids: b },
  })
})

test('a GDPR delete leaves nothing, neither in the bin nor by id', async () => {
  const { simulator, get, post } = await openTestPortal()
  const { id } = simulator.create('contacts', { email: 'ada@example.com' })
  const body = { objectId: 'ada@example.com', idProperty: 'email' }
  expect((await post(`${contacts}/gdpr-delete`, body)).status).toBe(204)
  expect((await get(`${contacts}/${id}`)).status).toBe(404)
  expect((await get(`${contacts}?archived=true`)).body.results).toEqual([])
  expect(simulator.fates('contacts')).toEqual({ archived: [], merged: {}, gone: [id] })
})

test('a batch reads 100 at most, tells a survivor under its own id, and what is missing in a 207', async () => {
  const { simulator, post } = await openTestPortal()
  const make = () => simulator.create('contacts').id
  const [a, b, c] = [make(), make(), make()]
  const survivor = simulator.merge('contacts', a, b)
  const read = (ids: unknown[]) =>
    post(`${contacts}/batch/read`, {
      properties: ['city'],
      inputs: ids.map((id) => ({ id })),
    })
  const { status, body } = await read([a, b, c, '999'])
  expect(status).toBe(207)
  expect(body.results.map(({ id }: Body) => id).toSorted()).toEqual([c, survivor.id].toSorted())
  expect(body).toMatchObject({
    status: 'COMPLETE',
    numErrors: 1,
    errors: [{ category: 'OBJECT_NOT_FOUND', context: { ids: ['999'] } }],
  })
  expect((await read([c])).status).toBe(200)
  expect((await read(Array.from({ length: 101 }, () => c))).status).toBe(400)
})

test('writes of clients are checked: read-only, unknown and doubled values are refused', async () => {
  const { simulator, post, send } = await openTestPortal()
  const made = await post(contacts, { properties: { email: 'a@example.com', city: 'Lyon' } })
  expect(made.status).toBe(201)
  const twin = await post(contacts, { properties: { email: 'a@example.com' } })
  expect([twin.status, twin.body.category]).toEqual([409, 'CONFLICT'])
  const patch = (properties: object) => send('PATCH', `${contacts}/${made.body.id}`, { properties })
  expect((await patch({ nope: '1' })).body.errors[0].code).toBe('PROPERTY_DOESNT_EXIST')
  expect((await patch({ num_notes: '1' })).body.errors[0].code).toBe('READ_ONLY_VALUE')
  expect((await patch({ city: '' })).status).toBe(200)
  expect(simulator.snapshot('contacts').contacts![made.body.id]).toContain('"city":null')
})

test('history tells the newest first, and claims that calculated values are of now', async () => {
  const { clock, simulator, get } = await openTestPortal()
  const { id } = simulator.create('contacts', { city: 'Lyon' })
  clock.advance(1000)
  simulator.update('contacts', id, { city: 'Nagoya' })
  simulator.recalculate('contacts', id, { num_notes: '7' })
  clock.advance(1000)
  const { body } = await get(`${contacts}/${id}?propertiesWithHistory=city,num_notes`)
  expect(body.propertiesWithHistory.city).toMatchObject([
    { value: 'Nagoya', timestamp: new Date(startMs + 1000).toISOString() },
    { value: 'Lyon', timestamp: new Date(startMs).toISOString() },
  ])
  expect(body.propertiesWithHistory.num_notes).toMatchObject([
    { value: '7', timestamp: new Date(startMs + 2000).toISOString() },
  ])
})

test('a calculated property changes without the modified date', async () => {
  const { clock, simulator, get } = await openTestPortal()
  const { id } = simulator.create('contacts')
  clock.advance(1000)
  simulator.recalculate('contacts', id, { num_notes: '3' })
  expect((await get(`${contacts}/${id}?properties=num_notes`)).body).toMatchObject({
    updatedAt: new Date(startMs).toISOString(),
    properties: { num_notes: '3' },
  })
})

test('a URL over 16 KB is refused', async () => {
  const { get } = await openTestPortal()
  const answer = await get(`${contacts}?properties=${'city,'.repeat(3500)}`)
  expect(answer.status).toBe(414)
})

test('cursors can go stale: on demand, by age, and when they are not ours', async () => {
  const { clock, simulator, get } = await openTestPortal({ afterTtlMs: 60_000 })
  simulator.create('contacts')
  simulator.create('contacts')
  const cursor = async () =>
    encodeURIComponent((await get(`${contacts}?limit=1`)).body.paging.next.after as string)
  const old = await cursor()
  expect((await get(`${contacts}?after=${old}`)).status).toBe(200)
  clock.advance(60_001)
  expect((await get(`${contacts}?after=${old}`)).status).toBe(400)
  const young = await cursor()
  simulator.expireCursors()
  expect((await get(`${contacts}?after=${young}`)).body.category).toBe('VALIDATION_ERROR')
  expect((await get(`${contacts}?after=12`)).status).toBe(400)
})

test('the dated paths are the same as the classic ones', async () => {
  const { simulator, get, post } = await openTestPortal()
  const { id } = simulator.create('contacts')
  const classic = (await get(`${contacts}/${id}`)).body
  for (const path of ['/crm/objects/2026-03/contacts', '/crm/objects/2026-09/0-1']) {
    expect((await get(`${path}/${id}`)).body).toEqual(classic)
    expect((await post(`${path}/search`, {})).body.total).toBe(1)
  }
  expect((await get('/crm/owners/2026-03')).status).toBe(200)
  expect((await get('/crm/objects/2025-01/contacts')).status).toBe(404)
  const unknown = await get('/crm/v3/objects/contcats')
  expect(unknown.body.message).toBe('Unable to infer object type from: contcats')
})
