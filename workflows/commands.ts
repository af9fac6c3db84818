/** pause, resume, resync, nudge, remove: each an update with an answer, and a plain signal of the same name. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow'
import type { CommandAnswer, CommandInput, CommandName } from '../src/temporal/names.ts'
import { COMMANDS } from '../src/temporal/names.ts'
import { control } from './options.ts'
import type { Command, Run } from './run.ts'
import { adopt, cutTries } from './run.ts'

const descriptions: Record<CommandName, string> = {
  pause:
    'Stops all requests for this sync at once. Nothing is lost: resume goes on where it stopped.',
  resume: 'Goes on where it was paused.',
  resync:
    'Reads collections again from the start and compares; what did not change does not move. Input, optional: {"collection_ids": ["provider:collection"]}.',
  nudge: 'Look now: ends any wait, tries a refused credential and blocked collections again.',
  remove:
    'Ends the sync for good and tombstones its records. Input, optional: {"keep_records": true} leaves them.',
}

const collectionIdsMax = 500
const requestsRemembered = 20

/** Synchronous, and the first thing a run does: an update without a handler is refused, not kept. */
export function listen(run: Run): void {
  for (const name of COMMANDS) {
    const description = descriptions[name]
    setHandler(
      defineUpdate<CommandAnswer, [CommandInput | undefined]>(name),
      async (input) => {
        const answer = () => answered(run, enqueue(run, name, input))
        // Only where it must be: one more turn of the event loop would change what follows what in older runs.
        if (!CancellationScope.current().consideredCancelled) return await answer()
        return await CancellationScope.nonCancellable(answer)
      },
      { description, validator: (input) => validate(run, name, input) },
    )
    setHandler(
      defineSignal<[CommandInput | undefined]>(name),
      (input) => {
        // A signal has nobody to answer to: what cannot be understood is shown, and changes nothing.
        try {
          validate(run, name, input)
          enqueue(run, name, input)
        } catch (error) {
          run.trouble = {
            message: `A signal was ignored: ${(error as Error).message}`,
            sinceMs: Date.now(),
          }
        }
      },
      { description },
    )
  }
}

/** Obeys one command after the other, in the order in which they came. Runs beside everything else for the whole run. */
export async function obey(run: Run, changed: () => void): Promise<never> {
  for (;;) {
    await condition(() => run.queue.length > 0)
    run.obeying = true
    const command = run.queue.shift()!
    await carryOut(run, command)
    run.obeying = false
    changed()
  }
}

async function carryOut(run: Run, command: Command): Promise<void> {
  const { intent, collectionIds, keepRecords } = command
  const before = [...run.tries]
  try {
    const standing = await control.setIntent.executeWithOptions({ summary: summaries[intent] }, [
      {
        syncId: run.syncId,
        intent,
        ...(collectionIds === undefined ? {} : { collectionIds }),
        ...(keepRecords === undefined ? {} : { keepRecords }),
      },
    ])
    adopt(run, standing)
    command.answer = standing
  } catch (error) {
    command.failure = error as Error
    return
  }
  if (intent !== 'pause') {
    run.nudges += 1
    run.replan = true
    run.nextPassAtMs = 0
    cutTries(run, before)
  }
}

const summaries: Record<Command['intent'], string> = {
  pause: 'Pause',
  resume: 'Resume',
  resync: 'Resync',
  nudge: 'Look now',
  remove: 'Remove',
  yield: 'Ask the slices to return',
}

function enqueue(run: Run, intent: CommandName, input: CommandInput = {}): Command | null {
  const requestId = input.request_id ?? null
  if (requestId !== null) {
    if (run.requestIds.includes(requestId)) return null
    run.requestIds = [...run.requestIds, requestId].slice(-requestsRemembered)
  }
  const command: Command = {
    intent,
    ...(input.collection_ids === undefined ? {} : { collectionIds: input.collection_ids }),
    ...(input.keep_records === undefined ? {} : { keepRecords: input.keep_records }),
    requestId,
    answer: null,
    failure: null,
  }
  run.queue.push(command)
  return command
}

async function answered(run: Run, command: Command | null): Promise<CommandAnswer> {
  if (command === null) return { status: run.status, message: 'Already obeyed.' }
  await condition(() => command.answer !== null || command.failure !== null)
  if (command.failure !== null) throw command.failure
  return { status: run.status, message: `${summaries[command.intent]}: done.` }
}

function validate(run: Run, name: CommandName, input: unknown): void {
  if (run.status === 'deleted' && name !== 'remove')
    throw refused('conflict', 'this sync is being removed.')
  if (input === undefined || input === null) return
  if (typeof input !== 'object' || Array.isArray(input)) {
    throw refused('invalid', 'the input must be an object, or nothing.')
  }
  const { collection_ids: ids } = input as CommandInput
  if (ids === undefined) return
  const fine =
    Array.isArray(ids) &&
    ids.length <= collectionIdsMax &&
    ids.every((id) => typeof id === 'string' && id.length <= 100)
  if (!fine)
    throw refused('invalid', 'collection_ids must be a list of ids like "provider:collection".')
}

function refused(type: string, message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type, nonRetryable: true })
}
