/**
 * A peer of `bench next-ack`, in a process of its own: pg-boss in the same Postgres, its jobs made beforehand.
 * argv: database URL, jobs, workers, batch, rounds. Prints one JSON line { seconds }: the median of its rounds.
 */
import { PgBoss } from 'pg-boss'
import { median, timed } from '../support/measure.ts'
import { bodyOf } from '../support/records.ts'

const [databaseUrl = '', ...numbers] = process.argv.slice(2)
const [jobs, workers, batch, rounds] = numbers.map(Number) as [number, number, number, number]
const queue = 'bench'

const boss = new PgBoss({
  connectionString: databaseUrl,
  max: 10,
  supervise: false,
  schedule: false,
})
await boss.start()
await boss.createQueue(queue)
const seconds: number[] = []
for (let round = 0; round < rounds; round++) {
  for (let from = 0; from < jobs; from += 1000) {
    const ids = Array.from({ length: Math.min(1000, jobs - from) }, (_, i) => `id_${from + i}`)
    await boss.insert(
      queue,
      ids.map((id) => ({ data: JSON.parse(bodyOf(id, 0)) as object })),
    )
  }
  await boss.getDb().executeSql('vacuum analyze')

  let done = 0
  const took = await timed(workers, async () => {
    for (;;) {
      const fetched = await boss.fetch(queue, { batchSize: batch })
      if (fetched.length === 0) return
      await boss.complete(
        queue,
        fetched.map(({ id }) => id),
      )
      done += fetched.length
    }
  })
  if (done !== jobs) throw new Error(`${done} of ${jobs} jobs were done`)
  seconds.push(took)
}
console.log(JSON.stringify({ seconds: median(seconds) }))
process.exit(0)
