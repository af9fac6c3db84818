import type { Sql } from '../db/pools.ts'
import type { Sealed } from './oauthApps.ts'

/** A kind of row that holds a sealed secret. `key` is the row's, as text. */
export type SealedTable = {
  name: string
  /** Rows under another key than `newestKeyId`, by key, after `after`. */
  stale(sql: Sql, newestKeyId: string, after: string, limit: number): Promise<SealedRow[]>
  /** Only where the secret is still the one that was read: a PATCH meanwhile wins. Moves no version. */
  replace(sql: Sql, row: SealedRow, sealed: Sealed): Promise<boolean>
}
export type SealedRow = Sealed & { key: string }

/** Every table with secrets. `key` of answers: `<tenant id>/<idempotency key>`. */
export const sealedTables: Record<
  'credentials' | 'oauthTokens' | 'oauthApps' | 'webhookEndpoints' | 'idempotentAnswers',
  SealedTable
> = {
  credentials: byColumn('credentials', 'id'),
  oauthTokens: byColumn('oauth_tokens', 'credential_id'),
  oauthApps: byColumn('oauth_apps', 'id'),
  webhookEndpoints: byColumn('webhook_endpoints', 'token_hash'),
  idempotentAnswers: {
    name: 'idempotency_keys',
    async stale(sql, newestKeyId, after, limit) {
      const rows = await sql<{ key: string; response: string }[]>`
        select tenant_id || '/' || key as key, response
          from idempotency_keys
         where response is not null
           and split_part(response, ' ', 1) <> ${newestKeyId}
           and tenant_id || '/' || key > ${after}
         order by tenant_id || '/' || key
         limit ${limit}`
      return rows.map(({ key, response }) => ({ key, ...sealedOf(response) }))
    },
    async replace(sql, row, sealed) {
      const [tenantId = '', ...rest] = row.key.split('/')
      const done = await sql`
        update idempotency_keys
           set response = ${answerText(sealed)}
         where tenant_id = ${tenantId} and key = ${rest.join('/')} and response = ${answerText(row)}`
      return done.count > 0
    },
  },
}

/** How a sealed answer stands in its column. */
export function answerText({ ciphertext, keyId }: Sealed): string {
  return `${keyId} ${ciphertext.toString('base64')}`
}

export function sealedOf(answer: string): Sealed {
  const [keyId = '', sealed = ''] = answer.split(' ')
  return { keyId, ciphertext: Buffer.from(sealed, 'base64') }
}

function byColumn(table: string, column: string): SealedTable {
  return {
    name: table,
    stale: async (sql, newestKeyId, after, limit) =>
      await sql<SealedRow[]>`
        select ${sql(column)}::text as key, ciphertext, key_id as "keyId"
          from ${sql(table)}
         where key_id <> ${newestKeyId} and ${sql(column)}::text > ${after}
         order by ${sql(column)}::text
         limit ${limit}`,
    async replace(sql, row, { ciphertext, keyId }) {
      const done = await sql`
        update ${sql(table)}
           set ciphertext = ${ciphertext}, key_id = ${keyId}
         where ${sql(column)}::text = ${row.key} and ciphertext = ${row.ciphertext}`
      return done.count > 0
    },
  }
}
