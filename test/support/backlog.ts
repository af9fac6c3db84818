import type { Sql } from '../../src/db/pools.ts'

/** In this database two positions are a backlog and five a long scan: what takes a thousand records elsewhere. */
export async function fewAreABacklog({ sql }: { sql: Sql }): Promise<void> {
  const [row] = await sql<{ definition: string }[]>`
    select pg_get_functiondef('stream_next_v2'::regproc) as definition`
  const changed = row!.definition
    .replace('p_lag integer DEFAULT 1000', 'p_lag integer DEFAULT 2')
    .replace('p_scan integer DEFAULT 20000', 'p_scan integer DEFAULT 5')
  if (changed === row!.definition) throw new Error('stream_next_v2 has other defaults than these')
  await sql.unsafe(changed)
}
