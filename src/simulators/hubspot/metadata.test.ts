import { expect, test } from 'vitest'
import { plain } from './objectTypes.ts'
import { openTestPortal } from '../../../test/support/hubspotPortal.ts'
import type { Body } from '../../../test/support/answer.ts'

test('a new property does not touch the records, and is read by name', async () => {
  const { clock, simulator, get } = await openTestPortal()
  const { id, updatedMs } = simulator.create('contacts')
  clock.advance(1000)
  simulator.addProperty('contacts', { name: 'shoe_size', type: 'number' })
  const { body } = await get(`/crm/v3/objects/contacts/${id}?properties=shoe_size`)
  expect(body.properties.shoe_size).toBeNull()
  expect(Date.parse(body.updatedAt)).toBe(updatedMs)
})

test('calculated properties say so, and an archived one is told of apart', async () => {
  const { simulator, get, send } = await openTestPortal()
  const names = async (query: string) =>
    (await get(`/crm/v3/properties/contacts?${query}`)).body.results.map(({ name }: Body) => name)
  const notes = (await get('/crm/v3/properties/contacts/num_notes')).body
  expect(notes).toMatchObject({ calculated: true, modificationMetadata: { readOnlyValue: true } })
  simulator.addProperty('contacts', { name: 'shoe_size' })
  const { id } = simulator.create('contacts', { shoe_size: '42' })
  expect((await send('DELETE', '/crm/v3/properties/contacts/shoe_size')).status).toBe(204)
  expect(await names('')).not.toContain('shoe_size')
  expect(await names('archived=true')).toEqual(['shoe_size'])
  const told = await get(`/crm/v3/objects/contacts/${id}?properties=shoe_size`)
  expect(told.body.properties).not.toHaveProperty('shoe_size')
  expect((await send('DELETE', '/crm/v3/properties/contacts/email')).status).toBe(400)
})

test('owners page by id, live and archived ones apart', async () => {
  const { simulator, get } = await openTestPortal()
  const ids = Array.from({ length: 5 }, () => plain(simulator.addOwner().id))
  simulator.archiveOwner(ids[1]!)
  const first = (await get('/crm/v3/owners?limit=3')).body
  expect(first.results.map(({ id }: Body) => id)).toEqual([ids[0], ids[2], ids[3]])
  const rest = (await get(`/crm/v3/owners?limit=3&after=${first.paging.next.after}`)).body
  expect(rest.results.map(({ id }: Body) => id)).toEqual([ids[4]])
  expect(rest).not.toHaveProperty('paging')
  expect((await get('/crm/v3/owners?archived=true')).body.results).toMatchObject([
    { id: ids[1], archived: true },
  ])
  expect((await get(`/crm/v3/owners/${ids[0]}`)).body.id).toBe(ids[0])
  expect((await get('/crm/v3/owners?limit=501')).status).toBe(400)
})

test('a custom object is named by its type id or its qualified name, and not there without the tier', async () => {
  const { simulator, get } = await openTestPortal()
  const schema = simulator.addSchema({ name: 'cars', properties: [{ name: 'model' }] })
  const { id } = simulator.create('cars', { model: 'T' })
  for (const name of [schema.objectTypeId, schema.fullyQualifiedName]) {
    const { body } = await get(`/crm/v3/objects/${plain(name)}/${id}?properties=model`)
    expect(body.properties.model).toBe('T')
  }
  const told = (await get('/crm-object-schemas/v3/schemas')).body.results[0]
  expect(told.properties.map(({ name }: Body) => name)).toContain('model')
  simulator.settings.enterprise = false
  expect((await get('/crm/v3/schemas')).status).toBe(403)
})

test('list memberships page by record and by joining, and a leaver leaves no trace', async () => {
  const { clock, simulator, get } = await openTestPortal()
  const listId = plain(simulator.addList().listId)
  const ids = Array.from({ length: 5 }, () => simulator.create('contacts').id)
  for (const id of ids.toReversed()) {
    clock.advance(1000)
    simulator.joinList(listId, id)
  }
  const members = async (path: string) => {
    const met: string[] = []
    let after = ''
    do {
      const { body } = await get(
        `/crm/v3/lists/${listId}/${path}?limit=2${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`,
      )
      met.push(...body.results.map(({ recordId }: Body) => recordId))
      after = body.paging?.next.after ?? ''
    } while (after !== '')
    return met
  }
  expect(await members('memberships')).toEqual(ids)
  expect(await members('memberships/join-order')).toEqual(ids)
  simulator.leaveList(listId, ids[2]!)
  expect(await members('memberships')).toEqual(ids.filter((id) => id !== ids[2]))
  const { body } = await get(`/crm/v3/lists/${listId}`)
  expect(body.list).toMatchObject({ listId, size: 4 })
})

test('associations are two-sided, do not move dates, and go with their record', async () => {
  const { clock, simulator, get } = await openTestPortal()
  const [contact, company] = [simulator.create('contacts'), simulator.create('companies')]
  clock.advance(1000)
  simulator.associate('contacts', contact.id, 'companies', company.id)
  const inline = (await get(`/crm/v3/objects/companies/${company.id}?associations=contacts`)).body
  expect(Date.parse(inline.updatedAt)).toBe(company.updatedMs)
  expect(inline.associations.contacts.results).toEqual([
    { id: contact.id, type: 'company_to_contact' },
    { id: contact.id, type: 'company_to_contact_unlabeled' },
  ])
  const path = `/crm/v4/objects/contacts/${contact.id}/associations/companies`
  expect((await get(path)).body.results).toEqual([
    {
      toObjectId: company.id,
      associationTypes: [
        { category: 'HUBSPOT_DEFINED', typeId: 1, label: 'Primary' },
        { category: 'HUBSPOT_DEFINED', typeId: 279, label: null },
      ],
    },
  ])
  expect((await get(path.replace('/crm/v4/objects', '/crm/objects/2026-03'))).status).toBe(200)
  expect((await get(path.replace('/crm/v4/objects', '/crm/objects/2026-09'))).status).toBe(404)
  simulator.archive('companies', company.id)
  expect((await get(path)).body.results).toEqual([])
})

test('a batch of associations says nothing of records without any, or calls it an error', async () => {
  const { simulator, post } = await openTestPortal()
  const { id } = simulator.create('contacts')
  const read = (version: string) =>
    post(`/crm/${version}/associations/contacts/companies/batch/read`, { inputs: [{ id }] })
  expect(await read('v4')).toMatchObject({ status: 200, body: { results: [] } })
  simulator.settings.emptyAssociations = '207'
  const partial = await read('v4')
  expect(partial).toMatchObject({ status: 207, body: { numErrors: 1, results: [] } })
  const company = simulator.create('companies').id
  simulator.associate('contacts', id, 'companies', company)
  expect((await read('v3')).body.results[0].to[0]).toEqual({
    id: company,
    type: 'contact_to_company',
  })
})

test('merging moves associations to the survivor', async () => {
  const { simulator } = await openTestPortal()
  const make = (type: string) => simulator.create(type).id
  const [a, b, deal, company] = [
    make('contacts'),
    make('contacts'),
    make('deals'),
    make('companies'),
  ]
  simulator.associate('contacts', a, 'companies', company)
  simulator.associate('deals', deal, 'contacts', b)
  const { id } = simulator.merge('contacts', a, b)
  const keys = (pair: string) => Object.keys(simulator.snapshot(pair)[pair]!)
  expect(keys('contacts_to_companies')).toEqual([`${id}/${company}`])
  expect(keys('deals_to_contacts')).toEqual([`${deal}/${id}`])
})

test('record counts tell every type', async () => {
  const { simulator, get } = await openTestPortal()
  simulator.create('deals')
  const { body } = await get('/crm/limits/2026-09/records')
  expect(body.hubspotDefinedObjectTypes).toContainEqual(
    expect.objectContaining({ objectTypeId: '0-3', usage: 1 }),
  )
})
