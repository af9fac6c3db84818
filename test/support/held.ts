import { expect } from 'vitest'
import type { Sql } from '../../src/db/pools.ts'

/** Holds a consumer's state row, so that a claim is under way for as long as the test wants. */
export async function holdConsumer(sql: Sql, consumerNo: number) {
  let open: () => void = () => {}
  const gate = new Promise<void>((resolve) => (open = resolve))
  let locked: () => void = () => {}
  const ready = new Promise<void>((resolve) => (locked = resolve))
  const holding = sql.begin(async (tx) => {
    await tx`select 1 from consumer_state where consumer_no = ${consumerNo} for update`
    locked()
    await gate
  })
  await ready
  const release = async () => {
    open()
    await holding
  }
  return {
    /** Resolves when somebody waits for the row. */
    blocks: async () => await waitForLock(sql, 'stream_next_v2', 1),
    release,
    [Symbol.asyncDispose]: release,
  }
}

/** Resolves when at least so many statements that contain `words` wait for a lock. */
export async function waitForLock(sql: Sql, words: string, count: number): Promise<void> {
  await expect
    .poll(
      async () => {
        const [row] = await sql<{ n: number }[]>`
          select count(*)::int as n from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock' and query like ${`%${words}%`}`
        return row!.n
      },
      { timeout: 5000 },
    )
    .toBeGreaterThanOrEqual(count)
}
