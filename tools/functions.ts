/**
 * Copies src/db/functions/*.sql into a hand-written migration: `node tools/functions.ts drizzle/0002_functions.sql`.
 * A released migration is never edited: a changed function is a new `_v2` file and goes into a new migration
 * (`node tools/functions.ts drizzle/<new>.sql <name>_v2.sql …`).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../src/db/functions')
const [target, ...names] = process.argv.slice(2)
if (target === undefined)
  throw new Error('Which migration? node tools/functions.ts drizzle/<migration>.sql')

const files = names.length > 0 ? names : readdirSync(folder).filter((name) => name.endsWith('.sql'))
const texts = files.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim())
writeFileSync(
  target,
  `-- Copied from src/db/functions by tools/functions.ts.\n\n${texts.join('\n--> statement-breakpoint\n')}\n`,
)
