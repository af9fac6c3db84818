import { Client } from '@hubspot/api-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHubspotSimulator } from './simulator.ts'
import type { HubspotSimulator } from './simulator.ts'

// The official client, unmodified: only its basePath is set.

let simulator: HubspotSimulator
let server: { url: string; close(): Promise<void> }
let hubspot: Client

beforeAll(async () => {
  simulator = createHubspotSimulator({ seed: 7 })
  simulator.seedAccount(900)
  server = await simulator.listen()
  hubspot = client(simulator.keys.secret)
})

afterAll(async () => {
  await server.close()
  simulator.close()
})

function client(accessToken: string): Client {
  return new Client({
    accessToken,
    basePath: server.url,
    limiterOptions: { minTime: 0, maxConcurrent: 1, id: accessToken },
  })
}

const idsOf = (collection: string) => Object.keys(simulator.snapshot(collection)[collection]!)
const sorted = (ids: string[]) => ids.toSorted((a, b) => Number(a) - Number(b))

test('getAll walks every type and meets each record of the snapshot once, in order of ids', async () => {
  const { crm } = hubspot
  const lists: Record<string, { basicApi: { getPage: Page } }> = {
    contacts: crm.contacts,
    companies: crm.companies,
    deals: crm.deals,
    tickets: crm.tickets,
    products: crm.products,
    line_items: crm.lineItems,
    quotes: crm.quotes,
    leads: crm.objects.leads,
    calls: crm.objects.calls,
    emails: crm.objects.emails,
    meetings: crm.objects.meetings,
    notes: crm.objects.notes,
    tasks: crm.objects.tasks,
    communications: crm.objects.communications,
  }
  for (const [type, { basicApi }] of Object.entries(lists)) {
    const expected = sorted(idsOf(type))
    expect(await walk((after) => basicApi.getPage(50, after)), type).toEqual(expected)
    expect(expected.length, type).toBeGreaterThan(1)
  }
  const all = await crm.contacts.getAll(100)
  expect(all.map(({ id }) => id)).toEqual(sorted(idsOf('contacts')))
  const custom = `p${simulator.accountId}_cars`
  const cars = await walk((after) => crm.objects.basicApi.getPage(custom, 7, after))
  expect(cars).toEqual(sorted(idsOf(custom)))
})

type Page = (limit: number, after?: string) => Promise<PageOf>
type PageOf = { results: { id: string }[]; paging?: { next?: { after: string } } }

async function walk(page: (after: string | undefined) => Promise<PageOf>): Promise<string[]> {
  const met: string[] = []
  let after: string | undefined
  do {
    const { results, paging } = await page(after)
    met.push(...results.map(({ id }) => id))
    after = paging?.next?.after
  } while (after !== undefined)
  return met
}

test('all properties of a record come as the snapshot has them, with history and associations beside', async () => {
  const properties = await hubspot.crm.properties.coreApi.getAll('contacts')
  const names = properties.results.map(({ name }) => name)
  const [pair] = idsOf('contacts_to_companies')
  const id = pair!.split('/')[0]!
  const told = await hubspot.crm.contacts.basicApi.getById(id, names, ['email'], ['companies'])
  const truth = JSON.parse(simulator.snapshot('contacts').contacts![id]!) as {
    properties: object
    updatedAt: string
  }
  expect(told.properties).toEqual(truth.properties)
  expect(told.updatedAt.toISOString()).toBe(truth.updatedAt)
  expect(told.propertiesWithHistory!.email![0]!.value).toBe(told.properties.email)
  expect(told.associations!.companies!.results[0]!.type).toMatch(/^contact_to_company/)
  expect(names.length).toBeGreaterThan(20)
})

test('archived records are a list of their own', async () => {
  const { basicApi } = hubspot.crm.contacts
  const met = await walk((after) =>
    basicApi.getPage(100, after, ['hs_object_id'], undefined, undefined, true),
  )
  const { archived, merged } = simulator.fates('contacts')
  expect(met).toEqual(sorted(archived))
  expect(met.length).toBeGreaterThan(1)
  const [old, survivor] = Object.entries(merged)[0]!
  expect((await basicApi.getById(old)).id).toBe(survivor)
})

test('search pages by offset, and sorted by id it meets everything', async () => {
  const met: string[] = []
  let after: string | undefined
  do {
    const page = await hubspot.crm.contacts.searchApi.doSearch({
      filterGroups: [
        {
          filters: [
            {
              propertyName: 'lastmodifieddate',
              operator: 'BETWEEN' as never,
              value: '1000',
              highValue: String(Date.now()),
            },
          ],
        },
      ],
      sorts: ['hs_object_id'],
      properties: ['email'],
      limit: 200,
      ...(after === undefined ? {} : { after }),
    })
    met.push(...page.results.map(({ id }) => id))
    expect(page.total).toBe(idsOf('contacts').length)
    after = page.paging?.next?.after
  } while (after !== undefined)
  expect(met).toEqual(sorted(idsOf('contacts')))
})

test('batches create, update, read, archive, and tell what is missing', async () => {
  const { batchApi } = hubspot.crm.companies
  const made = await batchApi.create({
    inputs: ['one', 'two'].map((name) => ({ properties: { name }, associations: [] })),
  })
  const ids = made.results.map(({ id }) => id)
  expect(ids).toHaveLength(2)
  await batchApi.update({ inputs: ids.map((id) => ({ id, properties: { name: 'three' } })) })
  const inputs = [...ids, '1'].map((id) => ({ id }))
  const read = await batchApi.read({ inputs, properties: ['name'], propertiesWithHistory: [] })
  expect(read.results.map(({ properties }) => properties.name)).toEqual(['three', 'three'])
  expect(read).toMatchObject({ numErrors: 1, errors: [{ context: { ids: ['1'] } }] })
  await batchApi.archive({ inputs: ids.map((id) => ({ id })) })
  const rest = await batchApi.read({ inputs, properties: [], propertiesWithHistory: [] })
  expect(rest.results).toEqual([])
})

test('a record is created, changed, merged and erased', async () => {
  const { basicApi } = hubspot.crm.contacts
  const email = 'sdk@example.com'
  const one = await basicApi.create({ properties: { email }, associations: [] })
  const other = await basicApi.create({ properties: { city: 'Oslo' }, associations: [] })
  await basicApi.update(email, { properties: { city: 'Rome' } }, 'email')
  const merged = await basicApi.merge({ primaryObjectId: one.id, objectIdToMerge: other.id })
  expect(
    (await basicApi.getById(other.id, ['city', 'hs_merged_object_ids'])).properties,
  ).toMatchObject({ city: 'Rome', hs_merged_object_ids: `${one.id};${other.id}` })
  await basicApi.purge({ objectId: merged.id })
  await expect(basicApi.getById(one.id)).rejects.toMatchObject({ code: 404 })
})

test('associations are read in batches and by record, with their labels, and written', async () => {
  const { v4 } = hubspot.crm.associations
  const pairs = idsOf('deals_to_contacts')
  const inputs = [...new Set(pairs.map((pair) => pair.split('/')[0]!))].map((id) => ({ id }))
  const read = await v4.batchApi.getPage('deals', 'contacts', { inputs })
  const met = read.results.flatMap(({ _from, to }) =>
    to.map(({ toObjectId }) => `${_from.id}/${toObjectId}`),
  )
  expect(met.toSorted()).toEqual(pairs.toSorted())
  const labels = await hubspot.crm.associations.v4.schema.definitionsApi.getAll('deals', 'contacts')
  expect(labels.results.map(({ label }) => label)).toContain('Decision maker')
  const [contact, company] = [simulator.create('contacts').id, simulator.create('companies').id]
  await v4.basicApi.createDefault('contacts', contact, 'companies', company)
  const page = await v4.basicApi.getPage('companies', company, 'contacts')
  expect(page.results.map(({ toObjectId }) => toObjectId)).toEqual([contact])
  await v4.basicApi.archive('companies', company, 'contacts', contact)
  expect((await v4.basicApi.getPage('contacts', contact, 'companies')).results).toEqual([])
})

test('a record with more than 500 associations is read in pages', async () => {
  const company = simulator.create('companies').id
  const contacts = Array.from({ length: 1100 }, () => simulator.create('contacts').id)
  for (const id of contacts) simulator.associate('contacts', id, 'companies', company)
  const { v4 } = hubspot.crm.associations
  const met: string[] = []
  let after: string | undefined
  let pages = 0
  do {
    const inputs = [{ id: company, ...(after === undefined ? {} : { after }) }]
    const { results } = await v4.batchApi.getPage('companies', 'contacts', { inputs })
    met.push(...results[0]!.to.map(({ toObjectId }) => toObjectId))
    after = results[0]!.paging?.next?.after
    pages += 1
  } while (after !== undefined)
  expect([met, pages]).toEqual([contacts, 3])
})

test('properties are added, read, and archived', async () => {
  const { coreApi, groupsApi } = hubspot.crm.properties
  const groups = await groupsApi.getAll('contacts')
  const made = await coreApi.create('contacts', {
    name: 'shoe_size',
    label: 'Shoe size',
    groupName: groups.results[0]!.name,
    type: 'number' as never,
    fieldType: 'number' as never,
  })
  expect(made.name).toBe('shoe_size')
  const { id } = simulator.create('contacts', { shoe_size: '42' })
  const told = await hubspot.crm.contacts.basicApi.getById(id, ['shoe_size'])
  expect(told.properties.shoe_size).toBe('42')
  await coreApi.archive('contacts', 'shoe_size')
  const live = await coreApi.getAll('contacts')
  expect(live.results.map(({ name }) => name)).not.toContain('shoe_size')
  const archived = await coreApi.getAll('contacts', true)
  expect(archived.results.map(({ name }) => name)).toEqual(['shoe_size'])
})

test('owners, pipelines, schemas and lists are told as they are', async () => {
  const { ownersApi } = hubspot.crm.owners
  const live = await ownersApi.getPage(undefined, undefined, 100, false)
  const archived = await ownersApi.getPage(undefined, undefined, 100, true)
  expect([...live.results, ...archived.results].map(({ id }) => id).toSorted()).toEqual(
    idsOf('owners').toSorted(),
  )
  expect(archived.results).toHaveLength(1)
  const pipelines = await hubspot.crm.pipelines.pipelinesApi.getAll('deals')
  expect(pipelines.results[0]!.stages.map(({ id }) => id)).toContain('closedwon')
  const schemas = await hubspot.crm.schemas.coreApi.getAll()
  expect(schemas.results.map(({ name, objectTypeId }) => [name, objectTypeId])).toEqual([
    ['cars', expect.stringMatching(/^2-/)],
  ])
  const found = await hubspot.crm.lists.listsApi.doSearch({
    count: 2,
    offset: 1,
    additionalProperties: ['hs_list_size'],
  })
  expect(found).toMatchObject({ total: 5, offset: 3, hasMore: true })
  const [{ listId, additionalProperties }] = found.lists as [(typeof found.lists)[number]]
  const met: string[] = []
  let after: string | undefined
  do {
    const page = await hubspot.crm.lists.membershipsApi.getPage(listId, after, undefined, 9)
    met.push(...page.results.map(({ recordId }) => recordId))
    after = page.paging?.next?.after
  } while (after !== undefined)
  const truth = idsOf('list_memberships').filter((key) => key.startsWith(`${listId}/`))
  expect(met.map((id) => `${listId}/${id}`).toSorted()).toEqual(truth.toSorted())
  expect(Number(additionalProperties.hs_list_size)).toBe(met.length)
})

test('an OAuth refresh gives a token that works until it is past its time', async () => {
  const { clientId, clientSecret, refreshToken } = simulator.keys.oauth
  const { tokensApi, accessTokensApi } = new Client({ basePath: server.url }).oauth
  const token = await tokensApi.create(
    'refresh_token',
    undefined,
    undefined,
    clientId,
    clientSecret,
    refreshToken,
  )
  expect(token).toMatchObject({ refreshToken, expiresIn: 1800 })
  const installed = client(token.accessToken)
  expect((await installed.crm.contacts.basicApi.getPage(1)).results).toHaveLength(1)
  expect((await accessTokensApi.get(token.accessToken)).hubId).toBe(Number(simulator.accountId))
  simulator.keys.expire(token.accessToken)
  await expect(installed.crm.contacts.basicApi.getPage(1)).rejects.toMatchObject({
    code: 401,
    body: { category: 'EXPIRED_AUTHENTICATION' },
  })
})
