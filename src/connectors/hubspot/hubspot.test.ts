import { createHmac } from 'node:crypto'
import { createManualClock } from '../../simulators/kit/clock.ts'
import type { Row } from '../../simulators/hubspot/objectTypes.ts'
import { createHubspotSimulator } from '../../simulators/hubspot/simulator.ts'
import type { HubspotSimulator } from '../../simulators/hubspot/simulator.ts'
import { conformance } from '../conformance/conformance.ts'
import type { Fault, Upstream } from '../conformance/target.ts'
import { hubspot } from './index.ts'
import { pairOf } from './pairs.ts'
import { objectTypes } from './objectTypes.ts'

conformance({ connector: hubspot, open, skips: {} })

/** A text of each type that its users change. */
const textOf: Record<string, string> = {
  contacts: 'firstname',
  companies: 'name',
  deals: 'dealname',
  tickets: 'subject',
  products: 'name',
  line_items: 'name',
  quotes: 'hs_title',
  leads: 'hs_lead_name',
  calls: 'hs_call_title',
  emails: 'hs_email_subject',
  meetings: 'hs_meeting_title',
  notes: 'hs_note_body',
  tasks: 'hs_task_subject',
  communications: 'hs_communication_body',
}

async function open(): Promise<Upstream> {
  const clock = createManualClock(Date.parse('2026-11-24T06:00:00Z'))
  const simulator = createHubspotSimulator({ now: clock.now })
  const listening = await simulator.listen()
  let round = 0
  return {
    baseUrl: listening.url,
    credential: {
      kind: 'hubspot_private_app',
      properties: { access_token: simulator.keys.secret },
    },
    without: (collection) => ({ access_token: simulator.keys.restricted([collection]) }),
    nameless: () => ({ access_token: simulator.keys.restricted(['account']) }),
    revoked: () => {
      const token = simulator.keys.restricted([])
      simulator.keys.revoke(token)
      return { access_token: token }
    },
    account: { id: simulator.accountId, livemode: true },
    clock,
    creatable: Object.keys(hubspot.collections).filter((name) => name !== 'pipelines'),
    thorough: ['contacts', 'contacts_to_companies', 'owners', 'lists'],
    create: (collection) => create(simulator, collection),
    announced: objectTypes.map(({ name }) => name),
    change: (collection, id) => {
      simulator.update(collection, id, { [textOf[collection]!]: `Round ${++round}` })
    },
    removable: objectTypes.map(({ name }) => name),
    lasting: ['owners'],
    removedWithinMs: 180_000,
    remove: (collection, id) => simulator.archive(collection, id),
    vanish: (collection, id) => vanish(simulator, collection, id),
    objects: (collection) => simulator.snapshot(collection)[collection] ?? {},
    inject: (body, member) =>
      body.replaceAll(
        /"(?:properties":\{|toObjectId":|listId":|firstName":|stages":\[)/g,
        (own) => `${member},${own}`,
      ),
    lateBy: (ms) => {
      simulator.settings.indexLagMs = ms
    },
    // one shape only
    oldEvents: () => undefined,
    fault: (fault: Fault) => simulator.faults.add(fault),
    requests: () => simulator.log,
    webhook: (collection, id, atMs) => webhook(simulator, collection, id, atMs),
    close: async () => {
      await listening.close()
      simulator.close()
    },
  }
}

function create(simulator: HubspotSimulator, collection: string): string {
  if (collection === 'owners') return simulator.addOwner()['id'] as string
  if (collection === 'lists') return simulator.addList()['listId'] as string
  const pair = pairOf(collection)
  if (pair === null) return simulator.create(collection).id
  const [from, to] = pair
  const [one, other]: Row[] = [simulator.create(from), simulator.create(to)]
  simulator.associate(from, one!.id, to, other!.id)
  return `${one!.id}/${other!.id}`
}

function vanish(simulator: HubspotSimulator, collection: string, id: string): void {
  if (collection === 'lists') return simulator.deleteList(id)
  const pair = pairOf(collection)
  if (pair === null) return simulator.gdprDelete(collection, id)
  const [fromId = '', toId = ''] = id.split('/')
  simulator.dissociate(pair[0], fromId, pair[1], toId)
}

function webhook(simulator: HubspotSimulator, collection: string, id: string, atMs: number) {
  const type = collection === 'unknown_collection' ? 'unknown' : 'contact'
  const event = {
    eventId: 1,
    portalId: Number(simulator.accountId),
    occurredAt: atMs,
    subscriptionType: `${type}.propertyChange`,
    objectId: Number.isNaN(Number(id)) ? id : Number(id),
  }
  const url = 'https://sluice.example/v1/webhooks/hubspot/token%3Aone'
  const body = new TextEncoder().encode(JSON.stringify([event]))
  const { clientSecret: secret } = simulator.keys.oauth
  const signature = createHmac('sha256', secret)
    .update('POSThttps://sluice.example/v1/webhooks/hubspot/token:one')
    .update(body)
    .update(String(atMs))
    .digest('base64')
  const headers = {
    'x-hubspot-signature-v3': signature,
    'x-hubspot-request-timestamp': String(atMs),
  }
  return { headers, body, secret, url }
}
