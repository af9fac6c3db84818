import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from './act.ts'
import { accountNames } from './cast.ts'

const tables = [
  'syncs',
  'source',
  'checkpoint',
  'touched',
  'quota',
  'quota_slot',
  'slices',
  'workers',
]

/** What tells, afterwards, why something did not come to rest: rows, statements under way, the accounts' logs. */
export async function keepEvidence({ sql, control }: Stage, dir: string): Promise<void> {
  const write = (name: string, rows: readonly unknown[]) =>
    writeFileSync(join(dir, `${name}.jsonl`), rows.map((row) => JSON.stringify(row)).join('\n'))
  write('now', await sql`select clock_timestamp() as now`)
  for (const table of tables) write(table, await sql`select * from ${sql(table)}`)
  write('pg_stat_activity', await sql`select * from pg_stat_activity where datname is not null`)
  for (const name of accountNames) {
    const { body } = await control[name]('GET', '/_sim/log')
    write(`requests-${name}`, body.log)
  }
}
