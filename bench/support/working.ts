import { clientOf, tokensOf } from './api.ts'
import { timed } from './measure.ts'
import type { Done, Job } from './workers.ts'

process.on('message', (job: Job) => void answer(job))

/** A job that fails ends the process, and the bench with it. */
async function answer(job: Job): Promise<void> {
  process.send!(await run(job))
}

async function run({ apis, consumerId, workers, batch, swaps }: Job): Promise<Done> {
  const clients = apis.map(({ port, key }) => clientOf(port, key))
  const before = process.cpuUsage()
  let acked = 0
  const seconds = await timed(workers, async (worker) => {
    const client = clients[worker % clients.length]!
    for (let tokens: string[] = []; ;) {
      const answer = swaps
        ? await client.swap(consumerId, batch, tokens)
        : await client.next(consumerId, batch, 0)
      tokens = tokensOf(answer)
      if (tokens.length === 0) return
      if (!swaps) await client.ack(consumerId, tokens)
      acked += tokens.length
    }
  })
  const { user, system } = process.cpuUsage(before)
  for (const client of clients) client.close()
  return { acked, seconds, cpuUs: user + system }
}
