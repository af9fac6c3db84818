/** Steering syncs from outside: commands as updates with an answer, past the deadline as signals. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  Client,
  Connection,
  isGrpcServiceError,
  ServiceError,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client'
import type { ConnectionOptions, WorkflowClient } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import { AppError } from '../domain/error.ts'
import type { ErrorKind } from '../domain/error.ts'
import { limits } from '../domain/limits.ts'
import { SEARCH_ATTRIBUTES, searchKeys, TASK_QUEUES, WORKFLOW_TYPE, workflowId } from './names.ts'
import type { CommandAnswer, CommandInput, CommandName } from './names.ts'

/** What is known of a sync before its workflow runs: for the list of workflows. */
export type SyncStart = {
  syncId: string
  tenantId: string
  provider: string
  name: string | null
}

/** `done`: the workflow answered. `signalled`: it was told, and has not answered within the deadline. */
export type Outcome = { accepted: 'done' | 'signalled' }

export type Syncs = {
  /** Starts the workflow, or finds it running. */
  start(sync: SyncStart): Promise<void>
  pause(syncId: string): Promise<Outcome>
  resume(syncId: string): Promise<Outcome>
  resync(syncId: string, collectionIds?: string[]): Promise<Outcome>
  nudge(syncId: string): Promise<Outcome>
  remove(syncId: string, options?: { keepRecords?: boolean }): Promise<Outcome>
  /** For the watch: a signal that starts the workflow where there is none. */
  wake(sync: SyncStart): Promise<void>
  /** Rejects with `transient` when Temporal is away. */
  ping(): Promise<void>
}

export type TemporalAddress = { connection: NativeConnectionOptions; namespace: string }

/** Temporal's own standard variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…), over them `overrides`. */
export function temporalAddress(
  env: Readonly<Record<string, string | undefined>>,
  overrides: { address?: string | null; namespace?: string | null } = {},
): TemporalAddress {
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const { connectionOptions, namespace } = loadClientConnectConfig({
    overrideEnvVars: Object.fromEntries(given),
  })
  const address = overrides.address ?? connectionOptions.address
  return {
    connection: { ...connectionOptions, ...(address === undefined ? {} : { address }) },
    namespace: overrides.namespace ?? namespace ?? 'default',
  }
}

/** Connects at the first call, so that a process starts while Temporal is away. */
export function createTemporalClient(at: TemporalAddress, identity: string): Client {
  const connection = Connection.lazy({
    ...(at.connection as ConnectionOptions),
    connectTimeout: limits.commandDeadlineMs,
  })
  return new Client({ connection, namespace: at.namespace, identity })
}

/**
 * Registers our search attributes with the namespace; those that are there stay. A workflow that sets one that is missing
 * would be stuck, so a worker that may not register them must find them registered.
 */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options
  const { operatorService } = client.connection as Connection
  const present = await operatorService.listSearchAttributes({ namespace })
  const missing = Object.keys(SEARCH_ATTRIBUTES).filter(
    (name) => !(name in (present.customAttributes ?? {})),
  )
  if (missing.length === 0) return
  await operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, indexedValueTypeKeyword])),
  })
}

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const indexedValueTypeKeyword = 2

export function createSyncs(client: Client, options: { newId: () => string }): Syncs {
  /** gRPC's own deadline does not count while there is no connection, so this is one of ours. */
  const within = async <T>(
    work: () => Promise<T>,
    deadlineMs: number = limits.commandDeadlineMs,
  ): Promise<T> => {
    const over = new AbortController()
    const late = delay(deadlineMs, undefined, { signal: over.signal }).then(() => {
      throw unavailable(new TooLate())
    })
    late.catch(() => undefined)
    const call = client.connection.withDeadline(Date.now() + deadlineMs, work)
    try {
      return await Promise.race([call, late])
    } catch (error) {
      call.catch(() => undefined)
      throw unavailable(error)
    } finally {
      over.abort()
    }
  }

  const start = (sync: SyncStart) =>
    within(() => namedIfKnown(sync, (options) => client.workflow.start(WORKFLOW_TYPE, options)))

  async function command(syncId: string, name: CommandName, input: CommandInput): Promise<Outcome> {
    const args: [CommandInput] = [{ ...input, request_id: options.newId() }]
    try {
      await within(() => update(client.workflow, syncId, name, args))
      return { accepted: 'done' }
    } catch (error) {
      if (!isTimeout(error)) throw error
    }
    // No worker answers in time; the signal waits in the history until one does.
    await within(
      () =>
        client.workflow.signalWithStart(WORKFLOW_TYPE, {
          ...bareStart(syncId),
          signal: name,
          signalArgs: args,
        }),
      limits.signalDeadlineMs,
    )
    return { accepted: 'signalled' }
  }

  return {
    start,
    pause: (syncId) => command(syncId, 'pause', {}),
    resume: (syncId) => command(syncId, 'resume', {}),
    resync: (syncId, collectionIds) =>
      command(
        syncId,
        'resync',
        collectionIds === undefined ? {} : { collection_ids: collectionIds },
      ),
    nudge: (syncId) => command(syncId, 'nudge', {}),
    remove: (syncId, { keepRecords } = {}) =>
      command(syncId, 'remove', keepRecords === true ? { keep_records: true } : {}),
    wake: (sync) =>
      within(() =>
        namedIfKnown(sync, (options) =>
          client.workflow.signalWithStart(WORKFLOW_TYPE, {
            ...options,
            signal: 'nudge',
            signalArgs: [{}],
          }),
        ),
      ),
    ping: () =>
      within(async () => {
        await client.workflowService.describeNamespace({ namespace: client.options.namespace })
      }),
  }
}

async function update(
  workflows: WorkflowClient,
  syncId: string,
  name: CommandName,
  args: [CommandInput],
) {
  const options = {
    args,
    ...(args[0].request_id === undefined ? {} : { updateId: args[0].request_id }),
  }
  try {
    return await workflows
      .getHandle(workflowId(syncId))
      .executeUpdate<CommandAnswer, [CommandInput]>(name, options)
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
  const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOW_TYPE, {
    ...bareStart(syncId),
    workflowIdConflictPolicy: 'USE_EXISTING',
  })
  return await workflows.executeUpdateWithStart<
    (input: { syncId: string }) => Promise<void>,
    CommandAnswer,
    [CommandInput]
  >(name, { ...options, startWorkflowOperation })
}

function bareStart(syncId: string) {
  return {
    workflowId: workflowId(syncId),
    taskQueue: TASK_QUEUES.control,
    args: [{ syncId }] as [{ syncId: string }],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
  }
}

type StartOptions = ReturnType<typeof startOptions>

/** `SluiceName` came later than the others: where nobody may or did register it yet, a sync starts without. */
async function namedIfKnown(
  sync: SyncStart,
  call: (options: StartOptions) => Promise<unknown>,
): Promise<void> {
  const options = startOptions(sync)
  try {
    await call(options)
  } catch (error) {
    if (!isUnregistered(error, searchKeys.name.name)) throw error
    const typedSearchAttributes = options.typedSearchAttributes.filter(
      ({ key }) => key !== searchKeys.name,
    )
    await call({ ...options, typedSearchAttributes })
  }
}

/** `INVALID_ARGUMENT` of gRPC. */
const invalidArgument: unknown = 3

function isUnregistered(error: unknown, name: string): boolean {
  const cause = error instanceof ServiceError ? error.cause : error
  return isGrpcServiceError(cause) && cause.code === invalidArgument && cause.message.includes(name)
}

function startOptions(sync: SyncStart) {
  const called = sync.name ?? sync.syncId
  return {
    ...bareStart(sync.syncId),
    priority: { fairnessKey: sync.tenantId },
    memo: { name: called, provider: sync.provider, tenant: sync.tenantId },
    typedSearchAttributes: [
      { key: searchKeys.state, value: 'starting' },
      { key: searchKeys.name, value: called.slice(0, 190) },
      { key: searchKeys.provider, value: sync.provider },
      { key: searchKeys.tenant, value: sync.tenantId },
    ],
    staticSummary: `Sync ${called} (${sync.provider})`.slice(0, 190),
    staticDetails: [
      `Keeps one ${sync.provider} account and one stream equal: a backfill of each collection, and beside it the changes.`,
      '',
      '**To pause it**: More Actions → Send a Signal, name `pause`, no input. `resume` goes on, `nudge` looks now.',
      '',
      '**Current Details** say what it does now, why it waits and what went wrong. A worker answers them: if they stay empty, none runs.',
    ].join('\n'),
  }
}

class TooLate extends Error {}

/** `DEADLINE_EXCEEDED` and `RESOURCE_EXHAUSTED` of gRPC: the second one too where ten updates of a workflow wait for a worker. */
const noAnswer: unknown[] = [4, 8]

function isTimeout(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error
  if (cause instanceof WorkflowUpdateRPCTimeoutOrCancelledError || cause instanceof TooLate)
    return true
  return isGrpcServiceError(cause) && noAnswer.includes(cause.code)
}

/** Our own words for what Temporal's client throws. */
function unavailable(error: unknown): unknown {
  if (error instanceof AppError) return error
  if (error instanceof WorkflowUpdateFailedError) {
    const cause = error.cause
    const kind = cause instanceof ApplicationFailure ? (cause.type as ErrorKind) : 'bug'
    return new AppError(kind, cause?.message ?? 'The sync refused the command.', { cause: error })
  }
  return new AppError(
    'transient',
    'The workflow engine (Temporal) does not answer; try again in a few seconds.',
    {
      retryAfterMs: limits.commandDeadlineMs,
      cause: error,
    },
  )
}
