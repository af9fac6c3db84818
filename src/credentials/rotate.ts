import type { Sql } from '../db/pools.ts'
import type { SealedRow, SealedTable } from '../store/sealed.ts'
import { sealedTables } from '../store/sealed.ts'
import { isAppError } from '../domain/error.ts'
import { places } from './places.ts'
import type { Sealer } from './seal.ts'

const sliceRows = 200
/** A process that does not know the new key yet may seal under the old one meanwhile: what it left is taken by the next pass. */
const passesMax = 10

export type Rotated = {
  table: string
  resealed: number
  /** Rows that none of our keys opens, by their key: left as they are. */
  unreadable: string[]
}

/**
 * Seals every secret under the newest key, in slices, while everything runs. A row that changes at the same time is left to whoever
 * changes it. Broken off it has done what it has done: begun again it goes on with what is left.
 */
export async function rotateKeys(
  sql: Sql,
  sealer: Pick<Sealer, 'rewrap' | 'newestKeyId'>,
): Promise<Rotated[]> {
  const results: Rotated[] = []
  for (const [name, table] of Object.entries(sealedTables)) {
    const rotated: Rotated = { table: table.name, resealed: 0, unreadable: [] }
    const place = aadOf[name as keyof typeof sealedTables]
    for (let pass = 0; pass < passesMax; pass++) {
      rotated.unreadable = []
      const found = await walk(sql, table, sealer.newestKeyId, async (row) => {
        const sealed = rewrap(sealer, row, place(row.key))
        if (sealed === 'unreadable') rotated.unreadable.push(row.key)
        else if (await table.replace(sql, row, sealed)) rotated.resealed++
      })
      if (found === rotated.unreadable.length) break
    }
    results.push(rotated)
  }
  return results
}

const aadOf: Record<keyof typeof sealedTables, (key: string) => string> = {
  credentials: places.credential,
  oauthTokens: places.oauthToken,
  oauthApps: places.oauthApp,
  webhookEndpoints: places.webhookEndpoint,
  idempotentAnswers: (key) => {
    const [tenantId = '', ...rest] = key.split('/')
    return places.idempotentAnswer(tenantId, rest.join('/'))
  },
}

async function walk(
  sql: Sql,
  table: SealedTable,
  newestKeyId: string,
  each: (row: SealedRow) => Promise<void>,
): Promise<number> {
  let after = ''
  let found = 0
  for (;;) {
    const rows = await table.stale(sql, newestKeyId, after, sliceRows)
    for (const row of rows) await each(row)
    found += rows.length
    const last = rows.at(-1)
    if (last === undefined || rows.length < sliceRows) return found
    after = last.key
  }
}

function rewrap(sealer: Pick<Sealer, 'rewrap'>, row: SealedRow, aad: string) {
  try {
    return sealer.rewrap(row.ciphertext, row.keyId, aad) ?? row
  } catch (error) {
    if (!isAppError(error, 'bug')) throw error
    return 'unreadable'
  }
}
