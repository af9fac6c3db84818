/** HubSpot's object types, as data. What is left out is as most of them are. */
export type ObjectType = {
  /** In paths: `contacts`, `p123_cars`. */
  name: string
  title: string
  /** The property that moves with every change: contacts have their own (a filter on the usual one finds nothing, silently). */
  modified: string
  /** `kit/fields.ts`, after `id!`. */
  fields: string
}

const usual = 'hs_lastmodifieddate'

export const objectTypes: ObjectType[] = [
  {
    name: 'contacts',
    title: 'Contacts',
    modified: 'lastmodifieddate',
    fields:
      'email firstname lastname phone company jobtitle lifecyclestage hs_lead_status hubspot_owner_id createdate:timestamp lastmodifieddate:timestamp',
  },
  {
    name: 'companies',
    title: 'Companies',
    modified: usual,
    fields:
      'name domain industry phone city country lifecyclestage numberofemployees annualrevenue hubspot_owner_id createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  {
    name: 'deals',
    title: 'Deals',
    modified: usual,
    fields:
      'dealname amount dealstage pipeline dealtype closedate:timestamp hubspot_owner_id createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  {
    name: 'tickets',
    title: 'Tickets',
    modified: usual,
    fields:
      'subject content hs_pipeline hs_pipeline_stage hs_ticket_category hs_ticket_priority hubspot_owner_id createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  {
    name: 'products',
    title: 'Products',
    modified: usual,
    fields: 'name description price hs_sku createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  {
    name: 'line_items',
    title: 'Line items',
    modified: usual,
    fields:
      'name quantity price amount hs_product_id createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  {
    name: 'quotes',
    title: 'Quotes',
    modified: usual,
    fields:
      'hs_title hs_status hs_expiration_date hs_createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  {
    name: 'leads',
    title: 'Leads',
    modified: usual,
    fields:
      'hs_lead_name hs_lead_type hs_lead_label hs_createdate:timestamp hs_lastmodifieddate:timestamp',
  },
  activity('calls', 'Calls', 'hs_call_title hs_call_body hs_call_duration hs_call_status'),
  activity('emails', 'Emails', 'hs_email_subject hs_email_status hs_email_direction'),
  activity('meetings', 'Meetings', 'hs_meeting_title hs_meeting_outcome'),
  activity('notes', 'Notes', 'hs_note_body'),
  activity('tasks', 'Tasks', 'hs_task_subject hs_task_status hs_task_priority'),
  activity('communications', 'Communications', 'hs_communication_channel_type'),
]

/** Its own fully qualified name tells all about a custom object that a request needs. */
export function customType(name: string): ObjectType {
  return {
    name,
    title: name.replace(/^p\d+_/, ''),
    modified: usual,
    fields: 'hs_createdate:timestamp hs_lastmodifieddate:timestamp',
  }
}

/** `p<portal>_<name>`, as HubSpot makes it. */
export function isCustomName(name: string): boolean {
  return /^p\d+_[A-Za-z][A-Za-z0-9_]*$/.test(name)
}

function activity(name: string, title: string, own: string): ObjectType {
  const fields = `${own} hs_timestamp:timestamp hubspot_owner_id hs_createdate:timestamp hs_lastmodifieddate:timestamp`
  return { name, title, modified: usual, fields }
}
