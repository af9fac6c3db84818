import { notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType } from './objectTypes.ts'

/** `GET /crm/v3/pipelines/{type}[/{id}[/stages[/{stageId}] | /audit]]`: all at once, no paging. */
export function pipelines(portal: Portal, type: ObjectType, parts: string[]): Fields {
  const [id, part, stageId] = parts
  if (id === undefined) return { results: pipelinesOf(portal, type) }
  const pipeline = pipelinesOf(portal, type).find((each) => each.id === id)
  if (pipeline === undefined) throw notFound()
  const stages = pipeline.stages as Fields[]
  if (part === undefined) return pipeline
  if (part === 'audit') return { results: [] }
  if (part !== 'stages') throw unknownUrl()
  if (stageId === undefined) return { results: stages }
  const stage = stages.find((each) => each.id === stageId)
  if (stage === undefined) throw notFound()
  return stage
}

export function pipelinesOf(portal: Portal, type: ObjectType): Fields[] {
  return [...portal.notes(`pipeline ${type.name}`).values()] as Fields[]
}

type StageSpec = [id: string, label: string, metadata: Fields]

/** Adds a pipeline with these stages, or replaces the one of that id. */
export function putPipeline(
  portal: Portal,
  type: ObjectType,
  id: string,
  label: string,
  stages: StageSpec[],
): Fields {
  const at = new Date(portal.ms()).toISOString()
  const kind = `pipeline ${type.name}`
  const old = portal.notes(kind).get(id) as Fields | undefined
  const pipeline: Fields = {
    label,
    displayOrder: old?.displayOrder ?? portal.notes(kind).size,
    id,
    stages: stages.map(([stageId, stageLabel, metadata], displayOrder) => ({
      label: stageLabel,
      displayOrder,
      metadata,
      id: stageId,
      createdAt: at,
      updatedAt: at,
      writePermissions: 'CRM_PERMISSIONS_ENFORCEMENT',
      archived: false,
    })),
    createdAt: old?.createdAt ?? at,
    updatedAt: at,
    archived: false,
  }
  portal.note(kind, id, pipeline)
  return pipeline
}

export const dealStages: StageSpec[] = [
  ['appointmentscheduled', 'Appointment scheduled', { isClosed: 'false', probability: '0.2' }],
  ['qualifiedtobuy', 'Qualified to buy', { isClosed: 'false', probability: '0.4' }],
  ['contractsent', 'Contract sent', { isClosed: 'false', probability: '0.9' }],
  ['closedwon', 'Closed won', { isClosed: 'true', probability: '1.0' }],
  ['closedlost', 'Closed lost', { isClosed: 'true', probability: '0.0' }],
]

const ticketStages: StageSpec[] = [
  ['1', 'New', { ticketState: 'OPEN', isClosed: 'false' }],
  ['2', 'Waiting on contact', { ticketState: 'OPEN', isClosed: 'false' }],
  ['4', 'Closed', { ticketState: 'CLOSED', isClosed: 'true' }],
]

/** What every new portal has. */
export function addStandardPipelines(portal: Portal): void {
  portal.change(() => {
    putPipeline(portal, portal.typeOf('deals')!, 'default', 'Sales pipeline', dealStages)
    putPipeline(portal, portal.typeOf('tickets')!, '0', 'Support pipeline', ticketStages)
    putPipeline(portal, portal.typeOf('leads')!, 'lead-pipeline-id', 'Lead pipeline', [
      ['new-stage-id', 'New', { leadState: 'NEW' }],
      ['qualified-stage-id', 'Qualified', { leadState: 'QUALIFIED' }],
    ])
  })
}

/** Adds or replaces a pipeline given as `{id, label, stages: [{id, label, metadata?}]}`. */
export function addPipelineFrom(portal: Portal, type: ObjectType, given: Fields): Fields {
  const stages = ((given.stages ?? []) as Fields[]).map((stage): StageSpec => [
    plain(stage.id),
    plain(stage.label),
    (stage.metadata ?? { isClosed: 'false' }) as Fields,
  ])
  return putPipeline(portal, type, plain(given.id), plain(given.label), stages)
}
