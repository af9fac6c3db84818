import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collectionsTable, providersTable, withTable } from './docs.ts'
import { connectors } from './registry.ts'

/** Part of `npm run docs:api`: the tables in docs/connectors.md and docs/connectors/. A test compares them with the code. */
const docs = join(import.meta.dirname, '..', '..', 'docs')
const write = (file: string, table: string) =>
  writeFileSync(join(docs, file), withTable(readFileSync(join(docs, file), 'utf8'), table))

write('connectors.md', providersTable(connectors))
for (const connector of connectors) {
  write(`connectors/${connector.provider}.md`, collectionsTable(connector))
}
