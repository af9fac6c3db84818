import type { Collection, Connector } from './connector.ts'

const BEGIN = '<!-- generated from the registry: npm run docs:api -->'
const END = '<!-- end of what is generated -->'

/** One line a provider: what docs/connectors.md begins with. */
export function providersTable(connectors: readonly Connector[]): string {
  return table(
    ['provider', 'credential kinds', 'collections', 'changes', 'deletes'],
    connectors.map((connector) => {
      const all = Object.values(connector.collections)
      const fed = all.filter(({ refresh }) => refresh.feed).length
      const listed = all.filter(({ refresh }) => !refresh.feed && refresh.relist).length
      return [
        `[${connector.title}](connectors/${connector.provider}.md)`,
        connector.credentialKinds.map(({ kind }) => `\`${kind}\``).join(', '),
        String(all.length),
        `${fed} by feed, ${listed} listed again, ${all.length - fed - listed} compared`,
        [...new Set(all.flatMap(({ deletes }) => deletes))].join(', '),
      ]
    }),
  )
}

/** One line a collection: what GET /v1/collections says of each, for people. */
export function collectionsTable(connector: Connector): string {
  return table(
    ['collection', 'what', 'backfill', 'changes are seen', 'deletes', 'compared'],
    Object.entries(connector.collections).map(([name, collection]) => [
      `\`${connector.provider}:${name}\``,
      collection.title,
      collection.ranges ? 'ranges' : 'whole',
      changes(collection),
      collection.deletes.join(', ') || 'not seen',
      `every ${span(collection.enumerateEveryMs)}`,
    ]),
  )
}

/** The page with its generated part as it is now. Throws where the page has no place for it. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error('the page has a place for what is generated')
  return `${page.slice(0, from)}${BEGIN}\n\n${table}\n${page.slice(to)}`
}

function changes({ refresh: { feed, relist } }: Collection): string {
  const listed = relist
    ? relist.windowMs === null
      ? `whole list every ${span(relist.everyMs)}`
      : `the last ${span(relist.windowMs)} every ${span(relist.everyMs)}`
    : null
  return [feed, listed].filter(Boolean).join(', and ') || 'when compared'
}

function table(head: string[], rows: string[][]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n') + '\n'
}

function span(ms: number): string {
  const units: [string, number][] = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ]
  const [unit, size] = units.find(([, size]) => ms % size === 0) ?? ['second', 1_000]
  const count = ms / size
  return count === 1 ? unit : `${count} ${unit}s`
}
