import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import { createConnection } from 'node:net'
import {
  createSyncs,
  createTemporalClient,
  ensureSearchAttributes,
} from '../../src/temporal/client.ts'
import type { Syncs, TemporalAddress } from '../../src/temporal/client.ts'
import { createWorkers, quietRuntime, workflowBundle } from '../../src/temporal/worker.ts'
import type { Activities, Workers } from '../../src/temporal/worker.ts'

export type TestTemporal = {
  address: TemporalAddress
  client: Client
  syncs: Syncs
  /** Polls both queues with these activities until `close`, or the stop that it returns. */
  work(activities: Activities): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** Where bundles are kept between runs; in no package, not in git. */
export const cacheDir = fileURLToPath(new URL('../../node_modules/.cache/sluice', import.meta.url))

/** A namespace of its own on a running server, with our search attributes. */
export async function openTemporalAt(server: string): Promise<TestTemporal> {
  quietRuntime('ERROR', () => undefined)
  // A first connect that is refused would cost a second of back-off.
  await reachable(server)
  const address: TemporalAddress = {
    connection: { address: server },
    namespace: `test-${randomUUID().slice(0, 8)}`,
  }
  const client = createTemporalClient(address, 'test')
  await client.workflowService.registerNamespace({
    namespace: address.namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  })
  await ensureSearchAttributes(client)
  const stops: (() => Promise<void>)[] = []
  return {
    address,
    client,
    syncs: createSyncs(client, { newId: randomUUID }),
    async work(activities) {
      const workers = await createWorkers({
        temporal: address,
        activities,
        bundle: await workflowBundle(cacheDir),
        identity: 'test',
        sliceSlots: 50,
      })
      const stop = running(workers)
      stops.push(stop)
      return stop
    },
    async close() {
      for (const stop of stops) await stop()
      await client.connection.close()
    },
  }
}

function running(workers: Workers): () => Promise<void> {
  const ended = workers.run()
  let stopping: Promise<void> | undefined
  return () =>
    (stopping ??= (async () => {
      workers.shutdown()
      await ended
      await workers.close()
    })())
}

async function reachable(address: string): Promise<void> {
  const [host = '', port = ''] = address.split(':')
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection({ host, port: Number(port) }, () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}
