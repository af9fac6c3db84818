/** JSON text's parsed form. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type Fields = { [key: string]: Json }

/** A text, number or flag of a body as text; what is none becomes JSON. */
export function plain(value: Json | undefined): string {
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return String(value)
}

/** Values of a record by property name; a property without a value is absent. */
export type Values = Record<string, string>

export type Row = {
  id: string
  createdMs: number
  updatedMs: number
  /** Null: live. */
  archivedMs: number | null
  values: Values
  /** Earlier values, newest first, each with the time when it came. Only of properties that changed. */
  history: Record<string, [value: string | null, at: number][]>
}

export type ObjectType = {
  /** `contacts`; of a custom object its fully qualified name, `p123_cars`. */
  name: string
  /** `0-1`, `2-123456`. */
  typeId: string
  singular: string
  created: 'createdate' | 'hs_createdate'
  modified: 'lastmodifieddate' | 'hs_lastmodifieddate'
  /** Properties told when none are asked for. */
  defaults: string[]
  /** Any one of them lets read. */
  scopes: string[]
}

const dated = ['hs_createdate', 'hs_lastmodifieddate', 'hs_object_id']
const activity = ['crm.objects.contacts.read']

function kind(
  name: string,
  typeId: string,
  singular: string,
  scopes: string[],
  defaults: string[] = dated,
): ObjectType {
  return {
    name,
    typeId,
    singular,
    created: defaults.includes('createdate') ? 'createdate' : 'hs_createdate',
    modified: name === 'contacts' ? 'lastmodifieddate' : 'hs_lastmodifieddate',
    defaults,
    scopes,
  }
}

/** Source: HubSpot's object type ids and default property sets of CRM v3. */
export const standardTypes: ObjectType[] = [
  kind(
    'contacts',
    '0-1',
    'contact',
    ['crm.objects.contacts.read'],
    ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'],
  ),
  kind(
    'companies',
    '0-2',
    'company',
    ['crm.objects.companies.read'],
    ['createdate', 'domain', 'hs_lastmodifieddate', 'hs_object_id', 'name'],
  ),
  kind(
    'deals',
    '0-3',
    'deal',
    ['crm.objects.deals.read'],
    [
      'amount',
      'closedate',
      'createdate',
      'dealname',
      'dealstage',
      'hs_lastmodifieddate',
      'hs_object_id',
      'pipeline',
    ],
  ),
  kind(
    'tickets',
    '0-5',
    'ticket',
    ['tickets', 'crm.objects.tickets.read'],
    [
      'content',
      'createdate',
      'hs_lastmodifieddate',
      'hs_object_id',
      'hs_pipeline',
      'hs_pipeline_stage',
      'hs_ticket_category',
      'hs_ticket_priority',
      'subject',
    ],
  ),
  kind(
    'products',
    '0-7',
    'product',
    ['crm.objects.products.read', 'e-commerce'],
    ['createdate', 'description', 'hs_lastmodifieddate', 'hs_object_id', 'name', 'price'],
  ),
  kind(
    'line_items',
    '0-8',
    'line_item',
    ['crm.objects.line_items.read', 'e-commerce'],
    ['amount', 'createdate', 'hs_lastmodifieddate', 'hs_object_id', 'hs_product_id', 'quantity'],
  ),
  kind('quotes', '0-14', 'quote', ['crm.objects.quotes.read']),
  kind('leads', '0-136', 'lead', ['crm.objects.leads.read']),
  kind('calls', '0-48', 'call', activity),
  kind('emails', '0-49', 'email', activity),
  kind('meetings', '0-47', 'meeting', activity),
  kind('notes', '0-46', 'note', activity),
  kind('tasks', '0-27', 'task', activity),
  kind('communications', '0-18', 'communication', activity),
]

/** The type of a custom object. */
export function customType(portalId: string, name: string, number: number): ObjectType {
  return kind(`p${portalId}_${name}`, `2-${number}`, name, ['crm.objects.custom.read'])
}

/** Scopes that a private app of the portal holds when none are taken away. */
export const allScopes = [
  ...new Set(standardTypes.flatMap((type) => type.scopes)),
  'crm.objects.custom.read',
  'crm.objects.owners.read',
  'crm.schemas.contacts.read',
  'crm.schemas.companies.read',
  'crm.schemas.deals.read',
  'crm.schemas.custom.read',
  'crm.lists.read',
  'crm.objects.contacts.write',
  'crm.objects.companies.write',
  'crm.objects.deals.write',
  'account-info.security.read',
  'oauth',
]
