import { expect, test } from 'vitest'
import type { Body } from '../../../test/support/answer.ts'
import { openTestPortal, startMs } from '../../../test/support/hubspotPortal.ts'

const path = '/crm/v3/objects/contacts/search'
const ids = (body: Body): string[] => body.results.map(({ id }: Body) => id)

test('search sees a write only after its lag, and never an older version after a newer one', async () => {
  const { clock, simulator, post } = await openTestPortal({ indexLagMs: [0, 10_000], seed: 4 })
  const made = Array.from({ length: 40 }, () => simulator.create('contacts', { city: '0' }).id)
  expect((await post(path, {})).body.total).toBeLessThan(40)
  clock.advance(10_001)
  expect((await post(path, {})).body.total).toBe(40)
  for (let version = 1; version <= 5; version++) {
    for (const id of made) simulator.update('contacts', id, { city: String(version) })
  }
  const seen = new Map<string, number>()
  for (let turn = 0; turn < 20; turn++) {
    const { results } = (await post(path, { limit: 200, properties: ['city'] })).body
    for (const { id, properties } of results) {
      expect(Number(properties.city)).toBeGreaterThanOrEqual(seen.get(id) ?? 0)
      seen.set(id, Number(properties.city))
    }
    clock.advance(1000)
  }
  expect([...seen.values()]).toEqual(Array.from({ length: 40 }, () => 5))
})

test('an archived record is gone from search at once', async () => {
  const { simulator, post } = await openTestPortal()
  const { id } = simulator.create('contacts')
  expect((await post(path, {})).body.total).toBe(1)
  simulator.archive('contacts', id)
  expect((await post(path, {})).body.total).toBe(0)
})

test('filters are joined by and, groups by or', async () => {
  const { simulator, post } = await openTestPortal()
  const make = (city: string | null, annualrevenue: string | null) =>
    simulator.create('contacts', { city, annualrevenue }).id
  const [a, b, c] = [make('Lyon', '10'), make('Lyon', '200'), make(null, null)]
  const found = async (...groups: object[][]) =>
    ids((await post(path, { filterGroups: groups.map((filters) => ({ filters })) })).body)
  const filter = (propertyName: string, operator: string, value?: unknown) => ({
    propertyName,
    operator,
    ...(Array.isArray(value) ? { values: value } : { value }),
  })
  expect(await found([filter('city', 'EQ', 'lyon')])).toEqual([a, b])
  expect(await found([filter('city', 'EQ', 'Lyon'), filter('annualrevenue', 'GT', '9.5')])).toEqual(
    [a, b],
  )
  expect(await found([filter('annualrevenue', 'LT', '100')])).toEqual([a])
  expect(
    await found([filter('annualrevenue', 'GTE', 200)], [filter('city', 'NOT_HAS_PROPERTY')]),
  ).toEqual([b, c])
  expect(await found([filter('city', 'IN', ['LYON', 'x'])])).toEqual([a, b])
  expect(await found([filter('city', 'NOT_IN', ['lyon'])])).toEqual([c])
  expect(await found([filter('city', 'CONTAINS_TOKEN', 'ly*')])).toEqual([a, b])
  expect(await found([filter('hs_object_id', 'GT', a)])).toEqual([b, c])
  expect(await found([{ ...filter('annualrevenue', 'BETWEEN', '10'), highValue: '200' }])).toEqual([
    a,
    b,
  ])
})

test('modified dates are compared in milliseconds, as numbers or in ISO form, both ends included', async () => {
  const { clock, simulator, post } = await openTestPortal()
  const made: string[] = []
  for (let index = 0; index < 4; index++) {
    made.push(simulator.create('contacts').id)
    clock.advance(1)
  }
  const between = async (value: string, highValue: string) =>
    ids(
      (
        await post(path, {
          filterGroups: [
            {
              filters: [
                { propertyName: 'lastmodifieddate', operator: 'BETWEEN', value, highValue },
              ],
            },
          ],
          sorts: ['-lastmodifieddate'],
        })
      ).body,
    )
  expect(await between(String(startMs + 1), String(startMs + 2))).toEqual([made[2], made[1]])
  expect(await between(new Date(startMs + 3).toISOString(), String(startMs + 9))).toEqual([made[3]])
})

test('contacts are not found by hs_lastmodifieddate, and no error says so', async () => {
  const { simulator, post } = await openTestPortal()
  simulator.create('contacts')
  simulator.create('companies')
  const body = {
    filterGroups: [
      { filters: [{ propertyName: 'hs_lastmodifieddate', operator: 'GT', value: '1000' }] },
    ],
  }
  expect(await post(path, body)).toMatchObject({ status: 200, body: { total: 0, results: [] } })
  expect((await post('/crm/v3/objects/companies/search', body)).body.total).toBe(1)
})

test('10,000 rows can be paged through, the total tells the truth, and a keyset goes past them', async () => {
  const { simulator, post } = await openTestPortal()
  simulator.seedMinute('contacts', 10_300)
  const page = (after: number, more: object = {}) =>
    post(path, {
      limit: 200,
      after: String(after),
      sorts: [{ propertyName: 'hs_object_id', direction: 'ASCENDING' }],
      properties: ['hs_object_id'],
      ...more,
    })
  const last = (await page(9800)).body
  expect(last.total).toBe(10_300)
  expect(last.paging.next.after).toBe('10000')
  expect((await page(10_000)).status).toBe(400)
  expect((await page(9900)).status).toBe(400)
  const lastId = ids(last).at(-1)
  const rest = await page(0, {
    filterGroups: [{ filters: [{ propertyName: 'hs_object_id', operator: 'GT', value: lastId }] }],
  })
  expect(rest.body.total).toBe(300)
  const minutes = Object.values(simulator.snapshot('contacts').contacts!).map((text) => {
    return (JSON.parse(text) as { updatedAt: string }).updatedAt.slice(0, 16)
  })
  expect(new Set(minutes).size).toBe(1)
})

test('what search refuses: too much, too many, the unknown, and the beginning of time', async () => {
  const { post } = await openTestPortal()
  const status = async (body: object) => (await post(path, body)).status
  const filters = (count: number) =>
    Array.from({ length: count }, () => ({ propertyName: 'city', operator: 'EQ', value: 'x' }))
  expect(await status({ limit: 201 })).toBe(400)
  expect(await status({ filterGroups: [{ filters: filters(7) }] })).toBe(400)
  expect(
    await status({ filterGroups: Array.from({ length: 6 }, () => ({ filters: filters(1) })) }),
  ).toBe(400)
  expect(
    await status({ filterGroups: Array.from({ length: 4 }, () => ({ filters: filters(5) })) }),
  ).toBe(400)
  expect(await status({ sorts: ['city', 'email'] })).toBe(400)
  expect(await status({ sorts: ['nope'] })).toBe(400)
  const on = (propertyName: string, operator: string, value: string) =>
    status({ filterGroups: [{ filters: [{ propertyName, operator, value }] }] })
  expect(await on('nope', 'EQ', '1')).toBe(400)
  expect(await on('city', 'LIKE', '1')).toBe(400)
  expect(await on('lastmodifieddate', 'GTE', '0')).toBe(500)
  expect(await on('lastmodifieddate', 'GTE', '1000')).toBe(200)
})

test('text is found in the few properties that a type shows', async () => {
  const { simulator, post } = await openTestPortal()
  const { id } = simulator.create('contacts', { email: 'edsger@example.com' })
  simulator.create('contacts', { email: 'ada@example.com', firstname: 'Ada', lastname: null })
  expect(ids((await post(path, { query: 'Edsger@' })).body)).toEqual([id])
})
