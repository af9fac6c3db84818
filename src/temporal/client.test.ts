import type { Client, WorkflowStartOptions } from '@temporalio/client'
import { ServiceError } from '@temporalio/client'
import { expect, test } from 'vitest'
import { createSyncs } from './client.ts'

const sync = { syncId: 'sync-1', tenantId: 'tenant-1', provider: 'acme', name: 'Globex' }

/** A client whose server answers with what `answer` throws, if it does. */
function clientThat(answer: (names: string[]) => void) {
  const asked: string[][] = []
  const start = async (_type: string, options: WorkflowStartOptions) => {
    const pairs = (options.typedSearchAttributes ?? []) as { key: { name: string } }[]
    const names = pairs.map(({ key }) => key.name)
    asked.push(names)
    answer(names)
    return await Promise.resolve({})
  }
  const connection = {
    withDeadline: async (_at: number, work: () => Promise<unknown>) => await work(),
  }
  const client = { workflow: { start }, connection } as unknown as Client
  return { asked, syncs: createSyncs(client, { newId: () => 'request-1' }) }
}

function refusal(message: string): ServiceError {
  const cause = Object.assign(new Error(message), { code: 3, details: message, metadata: {} })
  return new ServiceError('Failed to start Workflow', { cause })
}

const all = ['SluiceState', 'SluiceName', 'SluiceProvider', 'SluiceTenant']

test('the list of workflows has the name of a sync', async () => {
  const { asked, syncs } = clientThat(() => undefined)
  await syncs.start(sync)
  expect(asked).toEqual([all])
})

test('a server that does not know SluiceName yet starts the sync without it', async () => {
  const { asked, syncs } = clientThat((names) => {
    if (names.includes('SluiceName'))
      throw refusal('3 INVALID_ARGUMENT: no mapping defined for search attribute SluiceName')
  })
  await syncs.start(sync)
  expect(asked).toEqual([all, all.filter((name) => name !== 'SluiceName')])
})

test('any other refusal is none of that', async () => {
  const { asked, syncs } = clientThat(() => {
    throw refusal('3 INVALID_ARGUMENT: SluiceTenant is unknown')
  })
  await expect(syncs.start(sync)).rejects.toThrow()
  expect(asked).toHaveLength(1)
})
