/**
 * A peer of `bench next-ack`, in a process of its own: NATS JetStream, file store, one durable pull consumer with explicit
 * acks. argv: NATS URL, messages, workers, batch, rounds. Prints one JSON line { seconds }: the median of its rounds.
 */
import { AckPolicy, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { median, timed } from '../support/measure.ts'
import { bodyOf } from '../support/records.ts'

const [url = '', ...numbers] = process.argv.slice(2)
const [messages, workers, batch, rounds] = numbers.map(Number) as [number, number, number, number]
const name = 'bench'

const connection = await connect({ servers: url })
const manager = await jetstreamManager(connection)
await manager.streams.add({ name, subjects: ['records'], storage: StorageType.File })
await manager.consumers.add(name, {
  durable_name: name,
  ack_policy: AckPolicy.Explicit,
  max_ack_pending: 1000,
})
const client = jetstream(connection)
const consumer = await client.consumers.get(name, name)
const seconds: number[] = []
for (let round = 0; round < rounds; round++) {
  for (let from = 0; from < messages; from += 500) {
    const ids = Array.from({ length: Math.min(500, messages - from) }, (_, i) => `id_${from + i}`)
    await Promise.all(ids.map((id) => client.publish('records', bodyOf(id, 0))))
  }

  let left = messages
  const took = await timed(workers, async () => {
    while (left > 0) {
      const taken = await consumer.fetch({ max_messages: Math.min(batch, left), expires: 1000 })
      for await (const message of taken) {
        message.ack()
        left--
      }
    }
    await connection.flush()
  })
  const info = await consumer.info()
  if (info.num_pending + info.num_ack_pending > 0) throw new Error('messages were left')
  seconds.push(took)
}
console.log(JSON.stringify({ seconds: median(seconds) }))
process.exit(0)
