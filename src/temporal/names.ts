/** What client, workers and workflows call each other. Bundle-safe: workflows import it. */
import { defineSearchAttributeKey } from '@temporalio/common'

/** `sync`: workflows and short control activities. `slices`: the long ones, which talk to providers. */
export const TASK_QUEUES = { control: 'sync', slices: 'slices' } as const

export const WORKFLOW_TYPE = 'syncWorkflow'

export function workflowId(syncId: string): string {
  return `sync/${syncId}`
}

/** Each is an update (with an answer) and a plain signal of the same name. */
export const COMMANDS = ['pause', 'resume', 'resync', 'nudge', 'remove'] as const
export type CommandName = (typeof COMMANDS)[number]

/** One argument, in wire style, because operators type it: `temporal workflow signal --name resync --input '{…}'`. */
export type CommandInput = {
  /** resync only; left out: all collections. */
  collection_ids?: string[]
  /** remove only: leave the records in the stream. */
  keep_records?: boolean
  /** The same request by update and, after a timeout, by signal is obeyed once. */
  request_id?: string
}

export type CommandAnswer = { status: string; message: string }

/** Must be registered with the namespace; the types are those of `temporal operator search-attribute create`. */
export const SEARCH_ATTRIBUTES = {
  SluiceState: 'Keyword',
  SluiceName: 'Keyword',
  SluiceProvider: 'Keyword',
  SluiceTenant: 'Keyword',
} as const

export const searchKeys = {
  state: defineSearchAttributeKey('SluiceState', 'KEYWORD'),
  name: defineSearchAttributeKey('SluiceName', 'KEYWORD'),
  provider: defineSearchAttributeKey('SluiceProvider', 'KEYWORD'),
  tenant: defineSearchAttributeKey('SluiceTenant', 'KEYWORD'),
}
