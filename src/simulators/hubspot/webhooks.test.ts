import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createHubspotSimulator } from './simulator.ts'
import type { HubspotSimulatorOptions } from './simulator.ts'
import { developerKey } from './webhookManagement.ts'
import { signV1, signV3 } from './webhooks.ts'

type Delivery = { headers: Record<string, unknown>; body: string }
type Event = { subscriptionType: string; attemptNumber: number; [key: string]: unknown }

async function start(options: HubspotSimulatorOptions = {}, failures = 0) {
  const simulator = createHubspotSimulator(options)
  const portal = await simulator.listen()
  const deliveries: Delivery[] = []
  let left = failures
  const target = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      deliveries.push({ headers: request.headers, body })
      response.writeHead(left-- > 0 ? 500 : 200).end()
    })
  })
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  const { port } = target.address() as AddressInfo
  const targetUrl = `http://127.0.0.1:${port}/hook?a=b%3Ac`
  onTestFinished(async () => {
    simulator.close()
    await portal.close()
    await new Promise((resolve) => target.close(resolve))
  })
  const manage = async (method: string, path: string, body?: object) => {
    const answer = await fetch(
      `${portal.url}/webhooks/v3/${simulator.keys.oauth.appId}${path}?hapikey=${developerKey}`,
      { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
    )
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as object }
  }
  await manage('PUT', '/settings', { targetUrl })
  const subscribe = (eventType: string, more: object = {}) =>
    manage('POST', '/subscriptions', { eventType, active: true, ...more })
  const events = () => deliveries.flatMap(({ body }) => JSON.parse(body) as Event[])
  return { simulator, deliveries, events, manage, subscribe, targetUrl }
}

test('signatures of version 1 and 3 are those of the official client', () => {
  const body = '[{"eventId":1}]'
  expect(signV1('s', body)).toBe('37c08e19ee81ed62c07660609afb9ead67f791ea0a0c84f32bafe56307f67e87')
  expect(signV3('s', 'https://h.example/hook', body, 1_700_000_000_000)).toBe(
    'jeGf64o72rJd05MuHgZxz+rvmQCxgOQlpM5gdZcGwMw=',
  )
})

test('what is subscribed to is delivered in arrays of 100 at most, signed with the secret of the app', async () => {
  const { simulator, deliveries, events, subscribe, targetUrl } = await start()
  await subscribe('contact.creation')
  const ids = Array.from({ length: 130 }, () => Number(simulator.create('contacts').id))
  simulator.create('deals')
  await expect.poll(() => events().length).toBe(130)
  expect(
    events()
      .map(({ objectId }) => objectId as number)
      .toSorted((a, b) => a - b),
  ).toEqual(ids)
  expect(events().map(({ objectId }) => objectId)).not.toEqual(ids)
  expect(deliveries.length).toBe(2)
  for (const { headers, body } of deliveries) {
    const timestamp = Number(headers['x-hubspot-request-timestamp'])
    const { clientSecret } = simulator.keys.oauth
    const url = targetUrl.replace('%3A', ':')
    expect(headers['x-hubspot-signature-v3']).toBe(signV3(clientSecret, url, body, timestamp))
    expect(headers['x-hubspot-signature-version']).toBe('v1')
  }
})

test('changes, deletions, merges, erasures, restores and associations are told each in their form', async () => {
  const { simulator, events, subscribe } = await start()
  await subscribe('contact.propertyChange', { propertyName: 'city' })
  for (const kind of ['deletion', 'merge', 'privacyDeletion', 'restore', 'associationChange']) {
    await subscribe(`contact.${kind}`)
  }
  const make = () => simulator.create('contacts').id
  const [a, b, c, company] = [make(), make(), make(), simulator.create('companies').id]
  simulator.update('contacts', a, { city: 'Lyon', jobtitle: 'x' })
  simulator.associate('contacts', a, 'companies', company)
  const survivor = simulator.merge('contacts', a, b)
  simulator.archive('contacts', c)
  simulator.restore('contacts', c)
  simulator.gdprDelete('contacts', c)
  await expect.poll(() => events().length).toBeGreaterThanOrEqual(8)
  const told = (type: string) =>
    events().filter(({ subscriptionType }) => subscriptionType === type)
  expect(told('contact.propertyChange')).toMatchObject([
    { objectId: Number(a), propertyName: 'city', propertyValue: 'Lyon' },
  ])
  expect(told('contact.merge')).toMatchObject([
    {
      primaryObjectId: Number(a),
      mergedObjectIds: [Number(a), Number(b)],
      newObjectId: Number(survivor.id),
    },
  ])
  expect(told('contact.deletion')).toHaveLength(2)
  expect(told('contact.restore')).toHaveLength(1)
  expect(told('contact.privacyDeletion')).toMatchObject([{ objectId: Number(c) }])
  expect(told('contact.associationChange')[0]).toMatchObject({
    associationType: 'CONTACT_TO_COMPANY',
    associationRemoved: false,
    fromObjectId: Number(a),
    toObjectId: Number(company),
  })
})

test('a refused delivery comes again with its attempt counted, and twins come twice', async () => {
  const { simulator, events, subscribe } = await start(
    { webhookRetriesMs: [10, 10], webhookTwinProbability: 1 },
    1,
  )
  await subscribe('object.creation', { objectTypeId: '0-3' })
  simulator.create('deals')
  await expect.poll(() => events().length).toBe(4)
  expect(events().map(({ attemptNumber }) => attemptNumber)).toEqual([0, 0, 1, 1])
  expect(events()[0]).toMatchObject({ objectTypeId: '0-3', changeFlag: 'CREATED' })
})

test('subscriptions start paused unless they say otherwise, and can be switched and deleted', async () => {
  const { manage, subscribe } = await start()
  const paused = await manage('POST', '/subscriptions', { eventType: 'deal.creation' })
  expect(paused.body).toMatchObject({ active: false })
  const { id } = paused.body as { id: number }
  expect((await manage('PATCH', `/subscriptions/${id}`, { active: true })).body).toMatchObject({
    active: true,
  })
  expect((await manage('DELETE', `/subscriptions/${id}`)).status).toBe(204)
  expect((await manage('GET', '/subscriptions')).body).toEqual({ results: [] })
  expect((await subscribe('contact.propertyChange')).status).toBe(400)
})
