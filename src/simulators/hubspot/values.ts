import type { Writes } from './change.ts'
import { allOwners } from './owners.ts'
import { pipelinesOf } from './pipelines.ts'
import type { Portal } from './portal.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

const firstNames = [
  'Ada',
  'Grace',
  'Alan',
  'Edsger',
  'Barbara',
  'Donald',
  'Zoë',
  'Łukasz',
  '美咲',
  'José',
]
const lastNames = [
  'Lovelace',
  'Hopper',
  'Turing',
  "O'Neil",
  'Liskov',
  'Knuth',
  'Müller',
  'Ñandú',
  '佐藤',
]
const words = [
  'alpha',
  'river',
  'stone',
  'cloud',
  'amber',
  'north',
  'pixel',
  'violet',
  'copper',
  'maple',
]
const cities = ['Berlin', 'Portland', 'Nagoya', 'Lyon', 'São Paulo', 'Kraków']

/** What a new record of a type looks like. */
export function valuesFor(portal: Portal, type: ObjectType): Writes {
  const maker = makers[type.name]
  return maker === undefined ? { model: word(portal), year: year(portal) } : maker(portal)
}

/** A change that somebody makes to a record of the type. */
export function changeFor(portal: Portal, type: ObjectType): Writes {
  const all = Object.entries(valuesFor(portal, type)).filter(([name]) => name !== 'email')
  const [name, value] = portal.random.pick(all)
  // Now and then a field is emptied.
  return { [name]: portal.random.chance(0.05) ? null : value }
}

const word = ({ random }: Portal) => `${random.pick(words)} ${random.pick(words)}`
const year = ({ random }: Portal) => String(random.int(1990, 2026))
const amount = ({ random }: Portal) => String(random.int(1, 900_000) / 100)
const time = (portal: Portal) =>
  new Date(portal.ms() - portal.random.int(0, 30) * 86_400_000).toISOString()

function owner(portal: Portal): string | null {
  const all = allOwners(portal)
  return all.length === 0 ? null : plain(portal.random.pick(all).id)
}

function stage(portal: Portal, name: string): [pipeline: string, stage: string] {
  const pipeline = portal.random.pick(pipelinesOf(portal, portal.typeOf(name)!))
  const { id } = portal.random.pick(pipeline.stages as Fields[])
  return [plain(pipeline.id), plain(id)]
}

const activity = (portal: Portal) => ({
  hs_timestamp: time(portal),
  hubspot_owner_id: owner(portal),
})

const makers: Record<string, (portal: Portal) => Writes> = {
  contacts: (portal) => {
    const { random } = portal
    return {
      email: `person-${random.text(10).toLowerCase()}@example.com`,
      firstname: random.pick(firstNames),
      lastname: random.pick(lastNames),
      phone: `+1503555${random.digits(4)}`,
      city: random.pick(cities),
      company: word(portal),
      jobtitle: random.pick(words),
      lifecyclestage: random.pick(['lead', 'customer', 'opportunity']),
      annualrevenue: random.chance(0.3) ? amount(portal) : null,
      hubspot_owner_id: owner(portal),
      date_of_birth: random.chance(0.2) ? `19${random.int(50, 99)}-04-${random.int(10, 28)}` : null,
    }
  },
  companies: (portal) => ({
    name: word(portal),
    domain: `${portal.random.text(8).toLowerCase()}.example.com`,
    city: portal.random.pick(cities),
    industry: portal.random.pick(['COMPUTER_SOFTWARE', 'BANKING', 'RETAIL']),
    numberofemployees: String(portal.random.int(1, 20_000)),
    annualrevenue: amount(portal),
    hubspot_owner_id: owner(portal),
    description: `Makes ${word(portal)} & <sells> "it"\nworldwide`,
  }),
  deals: (portal) => {
    const [pipeline, dealstage] = stage(portal, 'deals')
    return {
      dealname: word(portal),
      amount: amount(portal),
      closedate: time(portal),
      pipeline,
      dealstage,
      hubspot_owner_id: owner(portal),
    }
  },
  tickets: (portal) => {
    const [pipeline, stageId] = stage(portal, 'tickets')
    return {
      subject: word(portal),
      content: `${word(portal)} ${word(portal)}`,
      hs_pipeline: pipeline,
      hs_pipeline_stage: stageId,
      hs_ticket_priority: portal.random.pick(['LOW', 'MEDIUM', 'HIGH']),
    }
  },
  products: (portal) => ({
    name: word(portal),
    price: amount(portal),
    hs_sku: portal.random.text(8),
    description: word(portal),
  }),
  line_items: (portal) => ({
    name: word(portal),
    quantity: String(portal.random.int(1, 20)),
    price: amount(portal),
  }),
  quotes: (portal) => ({
    hs_title: word(portal),
    hs_status: portal.random.pick(['DRAFT', 'APPROVAL_NOT_NEEDED']),
    hs_expiration_date: time(portal),
  }),
  leads: (portal) => {
    const [pipeline, stageId] = stage(portal, 'leads')
    return {
      hs_lead_name: word(portal),
      hs_lead_label: portal.random.pick(['HOT', 'WARM', 'COLD']),
      hs_pipeline: pipeline,
      hs_pipeline_stage: stageId,
    }
  },
  calls: (portal) => ({
    ...activity(portal),
    hs_call_title: word(portal),
    hs_call_duration: String(portal.random.int(1000, 900_000)),
    hs_call_direction: portal.random.pick(['INBOUND', 'OUTBOUND']),
  }),
  emails: (portal) => ({
    ...activity(portal),
    hs_email_subject: word(portal),
    hs_email_text: `Hello,\n\n${word(portal)}.\n\nBye`,
    hs_email_direction: 'EMAIL',
  }),
  meetings: (portal) => ({
    ...activity(portal),
    hs_meeting_title: word(portal),
    hs_meeting_outcome: portal.random.pick(['SCHEDULED', 'COMPLETED']),
  }),
  notes: (portal) => ({ ...activity(portal), hs_note_body: `<p>${word(portal)}</p>` }),
  tasks: (portal) => ({
    ...activity(portal),
    hs_task_subject: word(portal),
    hs_task_status: portal.random.pick(['NOT_STARTED', 'COMPLETED']),
  }),
  communications: (portal) => ({
    ...activity(portal),
    hs_communication_channel_type: portal.random.pick(['SMS', 'WHATS_APP']),
    hs_communication_body: word(portal),
  }),
}
