import { setTimeout as delay } from 'node:timers/promises'
import { startPostgres } from '../../src/main/embedded/postgres.ts'
import type { Postgres } from '../../src/main/embedded/postgres.ts'
import type { Random } from '../support/random.ts'
import type { World } from './world.ts'
import { eachRound } from './world.ts'

const restartMs = 30_000

/** Ends a backend of the writers, the dispatchers or the reader, every 0.7 s or so, whatever it is doing. */
export async function endBackends(world: World, random: Random): Promise<void> {
  await eachRound(world, world.stop, 'fault', async () => {
    await delay(300 + random.int(800))
    const rows = await world.watch<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name ~ '^soak' and application_name !~ '^soak-watch' order by pid`
    if (rows.length === 0) return
    await world.watch`select pg_terminate_backend(${random.pick(rows).pid})`
    world.counts.add('backends ended')
  })
}

/** SIGKILL to the postmaster; its backends follow. Then a new one over the same data, at the same port. */
export async function killPostgres(
  postgres: Postgres,
  options: { dir: string; port: number },
): Promise<Postgres> {
  process.kill(postgres.pid, 'SIGKILL')
  await postgres.part.ended
  const until = performance.now() + restartMs
  for (;;) {
    try {
      return await startPostgres(options)
    } catch (error) {
      // backends of the old one may still hold its shared memory for a moment
      if (performance.now() > until) throw error
      await delay(200)
    }
  }
}

/** While everything goes on: what `consumer_state` counts is what is in flight, and positions never pass the head. */
export async function watchInvariants(world: World): Promise<void> {
  await eachRound(world, world.end, 'watch', async () => {
    await delay(500)
    const wrong = await world.watch<{ sentence: string }[]>`
      select format('consumer %s counts %s out and %s waiting, and has %s and %s', s.consumer_no, s.pending, s.waiting, i.out, i.wait)
               as sentence
        from consumer_state s
        join consumer c using (consumer_no)
       cross join lateral (
         select count(*) filter (where f.op > 0) as out, count(*) filter (where f.op <= 0) as wait
           from inflight f
          where f.consumer_no = s.consumer_no) i
       where s.pending <> i.out or s.waiting <> i.wait or s.pending > c.max_ack_pending
      union all
      select format('a record of stream %s stands at %s, past the head', r.stream_no, r.updated_idx)
        from record r
        join stream_head h using (stream_no)
       where r.updated_idx > h.last_idx`
    for (const { sentence } of wrong) world.counts.violation('bookkeeping', sentence)
    world.counts.add('looks at the bookkeeping')
    const held = await world.watch`select 1 from consumer_state where held is not null`
    world.counts.add('consumers seen with held syncs', held.length)
  })
}
