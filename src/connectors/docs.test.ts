import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { collectionsTable, providersTable, withTable } from './docs.ts'
import { connectors } from './registry.ts'

const page = (file: string) =>
  readFileSync(join(import.meta.dirname, '..', '..', 'docs', file), 'utf8')

test('docs/connectors.md is what the registry says (npm run docs:api)', () => {
  expect(page('connectors.md')).toBe(withTable(page('connectors.md'), providersTable(connectors)))
})

test.each(connectors.map((connector) => [connector.provider, connector] as const))(
  'docs/connectors/%s.md is what the registry says (npm run docs:api)',
  (provider, connector) => {
    const file = `connectors/${provider}.md`
    expect(page(file)).toBe(withTable(page(file), collectionsTable(connector)))
  },
)

test('a page without a place for the table is refused', () => {
  expect(() => withTable('# Page', '| |')).toThrow('has a place')
})
