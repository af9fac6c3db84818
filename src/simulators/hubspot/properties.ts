import type { Fields, ObjectType } from './objectTypes.ts'

/** A property's definition, as the properties API tells it, with what that does not tell in `calculated`. */
export type Property = Fields & {
  name: string
  label: string
  type: string
  fieldType: string
  groupName: string
  calculated: boolean
  archived: boolean
}

const fieldTypes: Record<string, string> = {
  string: 'text',
  number: 'number',
  datetime: 'date',
  date: 'date',
  enumeration: 'select',
  bool: 'booleancheckbox',
  phone_number: 'phonenumber',
}

/** Completes what was given of a definition. Times in ISO form. */
export function propertyOf(
  type: ObjectType,
  given: Fields & { name: string },
  at: string,
): Property {
  const kind = typeof given.type === 'string' ? given.type : 'string'
  const calculated = given.calculated === true
  const { name } = given
  return {
    updatedAt: at,
    createdAt: at,
    label: name.replaceAll('_', ' '),
    type: kind,
    fieldType: calculated ? 'calculation_equation' : (fieldTypes[kind] ?? 'text'),
    description: '',
    groupName: groupOf(type),
    options: [],
    displayOrder: -1,
    calculated,
    externalOptions: false,
    archived: false,
    hasUniqueValue: false,
    hidden: false,
    hubspotDefined: false,
    formField: false,
    dataSensitivity: 'non_sensitive',
    modificationMetadata: {
      archivable: true,
      readOnlyDefinition: false,
      readOnlyOptions: false,
      readOnlyValue: calculated,
    },
    ...given,
  }
}

/** The group that HubSpot's own properties of a type stand in. */
export function groupOf(type: ObjectType): string {
  return `${type.singular}information`
}

/** `name:type`, a plain name is a text. `=` before the type: calculated. */
const own: Record<string, string> = {
  contacts:
    'email firstname lastname phone:phone_number mobilephone:phone_number company website jobtitle address city state zip country ' +
    'lifecyclestage:enumeration hs_lead_status:enumeration annualrevenue:number numemployees hubspot_owner_id:enumeration ' +
    'date_of_birth:date hs_timezone:enumeration industry hs_language:enumeration hs_email_domain fax salutation degree ' +
    'hs_lastmodifieddate:datetime hs_merged_object_ids:enumeration hs_calculated_merged_vids num_notes:=number ' +
    'num_associated_deals:=number hs_analytics_num_visits:=number hs_analytics_num_page_views:=number hs_email_optout:bool ' +
    'hs_calculated_phone_number:=string notes_last_contacted:datetime hs_latest_source:enumeration',
  companies:
    'name domain phone:phone_number website city state zip country industry:enumeration annualrevenue:number ' +
    'numberofemployees:number lifecyclestage:enumeration hubspot_owner_id:enumeration description timezone ' +
    'hs_merged_object_ids:enumeration num_associated_contacts:=number num_associated_deals:=number founded_year',
  deals:
    'dealname amount:number closedate:datetime dealstage:enumeration pipeline:enumeration dealtype:enumeration description ' +
    'hubspot_owner_id:enumeration hs_priority:enumeration amount_in_home_currency:=number days_to_close:=number ' +
    'hs_projected_amount:=number hs_merged_object_ids:enumeration hs_forecast_probability:number',
  tickets:
    'subject content hs_pipeline:enumeration hs_pipeline_stage:enumeration hs_ticket_category:enumeration ' +
    'hs_ticket_priority:enumeration source_type:enumeration hubspot_owner_id:enumeration closed_date:datetime ' +
    'time_to_close:=number hs_merged_object_ids:enumeration',
  products:
    'name description price:number hs_sku hs_cost_of_goods_sold:number hs_recurring_billing_period hs_url tax:number',
  line_items:
    'name quantity:number price:number amount:=number hs_product_id hs_sku discount:number hs_line_item_currency_code:enumeration',
  quotes:
    'hs_title hs_expiration_date:datetime hs_status:enumeration hs_quote_amount:=number hs_quote_number hs_language:enumeration',
  leads:
    'hs_lead_name hs_lead_type:enumeration hs_lead_label:enumeration hs_pipeline:enumeration hs_pipeline_stage:enumeration',
  calls:
    'hs_call_title hs_call_body hs_call_duration:number hs_call_direction:enumeration hs_call_status:enumeration',
  emails:
    'hs_email_subject hs_email_text hs_email_direction:enumeration hs_email_status:enumeration hs_email_html',
  meetings:
    'hs_meeting_title hs_meeting_body hs_meeting_start_time:datetime hs_meeting_end_time:datetime hs_meeting_outcome:enumeration',
  notes: 'hs_note_body hs_attachment_ids hs_body_preview',
  tasks:
    'hs_task_subject hs_task_body hs_task_status:enumeration hs_task_priority:enumeration hs_task_type:enumeration',
  communications:
    'hs_communication_channel_type:enumeration hs_communication_body hs_communication_logged_from',
}

const activities = ['calls', 'emails', 'meetings', 'notes', 'tasks', 'communications']

/** HubSpot's own properties of a type. */
export function standardProperties(type: ObjectType, at: string): Property[] {
  const listed = (own[type.name] ?? 'hs_merged_object_ids:enumeration').split(' ')
  const times = activities.includes(type.name) ? ['hs_timestamp:datetime', 'hubspot_owner_id'] : []
  const system = [`${type.created}:datetime`, `${type.modified}:datetime`, 'hs_object_id:number']
  return [...listed, ...times, ...system].map((text) => {
    const [name = '', kind = 'string'] = text.split(':')
    const calculated = kind.startsWith('=')
    const property = propertyOf(
      type,
      { name, type: calculated ? kind.slice(1) : kind, calculated, hubspotDefined: true },
      at,
    )
    const readOnly = calculated || system.includes(text)
    property.modificationMetadata = {
      archivable: false,
      readOnlyDefinition: true,
      readOnlyOptions: false,
      readOnlyValue: readOnly,
    }
    return property
  })
}
