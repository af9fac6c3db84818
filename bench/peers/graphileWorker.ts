/**
 * A peer of `bench next-ack`, in a process of its own: graphile-worker in the same Postgres, its jobs made beforehand. It
 * has no call that takes a batch: a local queue of `workers` batches and completions in batches are its own way to the same.
 * argv: database URL, jobs, workers, batch, rounds. Prints one JSON line { seconds }: the median of its rounds.
 */
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { Pool } from 'pg'
import { median } from '../support/measure.ts'
import { bodyOf } from '../support/records.ts'

const [databaseUrl = '', ...numbers] = process.argv.slice(2)
const [jobs, workers, batch, rounds] = numbers.map(Number) as [number, number, number, number]
const logger = new Logger(() => () => {})

const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger })
await utils.migrate()
const pool = new Pool({ connectionString: databaseUrl, max: 10 })
pool.on('error', () => {}) // it warns on stderr else
const seconds: number[] = []
for (let round = 0; round < rounds; round++) {
  for (let from = 0; from < jobs; from += 1000) {
    const ids = Array.from({ length: Math.min(1000, jobs - from) }, (_, i) => `id_${from + i}`)
    await utils.addJobs(
      ids.map((id) => ({ identifier: 'take', payload: JSON.parse(bodyOf(id, 0)) as object })),
    )
  }
  await pool.query('vacuum analyze')

  let left = jobs
  let allDone = () => {}
  const done = new Promise<void>((resolve) => (allDone = resolve))
  const started = performance.now()
  const runner = await run({
    pgPool: pool,
    noHandleSignals: true,
    taskList: {
      async take() {
        if (--left === 0) allDone()
      },
    },
    preset: {
      worker: {
        logger,
        concurrentJobs: workers * batch,
        maxPoolSize: 10,
        localQueue: { size: workers * batch },
        completeJobBatchDelay: 0,
      },
    },
  })
  await done
  await runner.stop() // waits for the last completions
  seconds.push((performance.now() - started) / 1000)
  const { rows } = await pool.query<{ n: string }>('select count(*) as n from graphile_worker.jobs')
  if (rows[0]?.n !== '0') throw new Error(`${rows[0]?.n} jobs were left`)
}
await utils.release()
console.log(JSON.stringify({ seconds: median(seconds) }))
process.exit(0)
