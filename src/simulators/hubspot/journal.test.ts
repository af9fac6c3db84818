import { expect, test } from 'vitest'
import { plain } from './objectTypes.ts'
import type { HubspotSimulatorOptions } from './simulator.ts'
import { dayMs, openTestPortal } from '../../../test/support/hubspotPortal.ts'
import type { Body } from '../../../test/support/answer.ts'

const path = '/webhooks-journal'

async function start(options: HubspotSimulatorOptions = {}) {
  const portal = await openTestPortal(options)
  const { simulator, url } = portal
  const { clientId, clientSecret } = simulator.keys.oauth
  const scope = 'developer.webhooks_journal'
  const answer = await fetch(`${url}/oauth/2026-03/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: `${scope}.read ${scope}.subscriptions.write ${scope}.snapshots.write`,
    }),
  })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const subscribe = (subscription: object) =>
    portal.post(
      `${path}/subscriptions/2026-03`,
      { portalId: Number(simulator.accountId), ...subscription },
      token,
    )
  const read = (place: string) => portal.get(`${path}/journal/2026-03/${place}`, token)
  /** Every event from the beginning on, and the last offset. */
  const readAll = async () => {
    const events: Body[] = []
    let answered = await read('earliest')
    let offset = ''
    while (answered.status === 200) {
      const file = (await (await fetch(answered.body.url)).json()) as Body
      events.push(...file.journalEvents)
      offset = answered.body.currentOffset
      answered = await read(`offset/${offset}/next`)
    }
    expect(answered.status).toBe(204)
    return { events, offset }
  }
  return { ...portal, token, subscribe, read, readAll }
}

test('what is subscribed to is pulled file by file until an empty answer, and later from there on', async () => {
  const { simulator, subscribe, read, readAll } = await start()
  await subscribe({ subscriptionType: 'OBJECT', objectTypeId: '0-1', actions: ['CREATE'] })
  const ids = Array.from({ length: 250 }, () => Number(simulator.create('contacts').id))
  simulator.create('deals')
  const { events, offset } = await readAll()
  expect(events.map(({ objectId }) => objectId)).toEqual(ids)
  const late = simulator.create('contacts').id
  const next = await read(`offset/${offset}/next`)
  const file = (await (await fetch(next.body.url)).json()) as Body
  expect(file.journalEvents).toMatchObject([{ action: 'CREATE', objectId: Number(late) }])
  const batch = await read('batch/earliest/2')
  expect(batch.body.results).toHaveLength(2)
})

test('it tells merges, erasures, associations and members of lists', async () => {
  const { simulator, subscribe, readAll } = await start()
  const listId = plain(simulator.addList().listId)
  await subscribe({
    subscriptionType: 'OBJECT',
    objectTypeId: '0-1',
    actions: ['MERGE', 'RESTORE'],
  })
  await subscribe({ subscriptionType: 'ASSOCIATION', objectTypeId: '0-3' })
  await subscribe({ subscriptionType: 'GDPR_PRIVACY_DELETION' })
  await subscribe({ subscriptionType: 'LIST_MEMBERSHIP', listIds: [Number(listId)] })
  const make = () => simulator.create('contacts').id
  const [a, b, c, deal] = [make(), make(), make(), simulator.create('deals').id]
  simulator.associate('deals', deal, 'contacts', c)
  simulator.joinList(listId, c)
  const survivor = simulator.merge('contacts', a, b)
  simulator.dissociate('deals', deal, 'contacts', c)
  simulator.leaveList(listId, c)
  simulator.gdprDelete('contacts', c)
  const { events } = await readAll()
  expect(events.map(({ action }) => action)).toEqual([
    'ASSOCIATION_ADDED',
    'ADDED_TO_LIST',
    'MERGE',
    'ASSOCIATION_REMOVED',
    'REMOVED_FROM_LIST',
    'GDPR_DELETE',
  ])
  expect(events[2]).toMatchObject({ newObjectId: Number(survivor.id), objectTypeId: '0-1' })
})

test('the URL of a file is good for minutes, and the feed needs its scope', async () => {
  const { clock, simulator, subscribe, read, get } = await start()
  await subscribe({ subscriptionType: 'OBJECT', objectTypeId: '0-1' })
  simulator.create('contacts')
  const { body } = await read('latest')
  expect((await fetch(body.url)).status).toBe(200)
  clock.advance(600_000)
  expect((await fetch(body.url)).status).toBe(403)
  expect((await get(`${path}/journal/2026-03/earliest`)).body.category).toBe('MISSING_SCOPES')
})

test('a file is kept for three days, and its offset as long', async () => {
  const { clock, simulator, subscribe, read } = await start({ accessTokenMs: 10 * dayMs })
  await subscribe({ subscriptionType: 'OBJECT', objectTypeId: '0-1' })
  simulator.create('contacts')
  const { currentOffset } = (await read('latest')).body
  clock.advance(3 * dayMs)
  expect((await read(`offset/${currentOffset}/next`)).status).toBe(204)
  clock.advance(1)
  expect((await read(`offset/${currentOffset}/next`)).status).toBe(404)
  expect((await read('earliest')).status).toBe(204)
})

test('a snapshot of a record comes through the feed', async () => {
  const { simulator, post, token, read, readAll } = await start()
  const { id } = simulator.create('contacts', { city: 'Lyon' })
  const request = { objectId: Number(id), objectTypeId: '0-1', properties: ['city'] }
  const { body } = await post(
    `${path}/snapshots/2026-03/crm`,
    { snapshotRequests: [request] },
    token,
  )
  expect((await read(`status/${body.snapshotStatusId}`)).body.status).toBe('SUCCESS')
  expect((await readAll()).events).toMatchObject([
    { action: 'SNAPSHOT', objectId: Number(id), propertyChanges: { city: 'Lyon' } },
  ])
})
