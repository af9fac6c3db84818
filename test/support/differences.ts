import type { Sql } from '../../src/db/pools.ts'
import { collectionNamed } from '../../src/connectors/lookup.ts'
import { connectorOf } from '../../src/connectors/registry.ts'
import { canonical } from '../../src/domain/rawJson.ts'

/** Collection → id → JSON text: what a complete and correct copy holds. */
export type Account = Partial<Record<string, Record<string, string>>>

type Stored = { name: string; id: string; data: string }

/**
 * Where the stream of one sync (null: of the only one) and the account differ, `customer cus_1: missing`; empty: they are
 * equal in every collection that the sync has and may read.
 */
export async function differencesOf(
  sql: Sql,
  account: Account,
  syncId: string | null,
  provider = 'stripe',
): Promise<string[]> {
  const rows = await sql<Stored[]>`
    select split_part(s.collection_id, ':', 2) as name, r.upstream_id as id, r.data
      from record r
      join source s on s.source_no = r.source_no
     where not r.deleted and s.removed_at is null and s.blocked_at is null
       and (${syncId}::uuid is null or s.sync_id = ${syncId})`
  const names = await sql<{ name: string }[]>`
    select split_part(collection_id, ':', 2) as name
      from source
     where removed_at is null and blocked_at is null and (${syncId}::uuid is null or sync_id = ${syncId})`
  const stored = new Map(rows.map((row) => [`${row.name} ${row.id}`, row.data]))
  const found: string[] = []
  for (const { name } of names) {
    const volatile = collectionNamed(connectorOf(provider), name)!.volatile ?? []
    for (const [id, text] of Object.entries(account[name] ?? {})) {
      const key = `${name} ${id}`
      const mine = stored.get(key)
      if (mine === undefined) found.push(`${key}: missing`)
      else if (canonical(mine, volatile) !== canonical(text, volatile))
        found.push(`${key}: different`)
      stored.delete(key)
    }
  }
  return [...found, ...[...stored.keys()].map((key) => `${key}: extra`)]
}
