import { hash as digest } from 'node:crypto'
import { canonicalOf } from '../domain/canonical.ts'

/** Hash of a plain delete. */
export const goneHash = '00000000-0000-0000-0000-000000000000'
/** Hash of a delete that is a privacy request. */
export const erasedHash = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/**
 * 128 bits of SHA-256 over the canonical form, as a uuid: the same object is indented differently in a list and by id,
 * and `volatile` top-level keys (signed URLs) differ between two reads of it. `value`: JSON.parse(raw), where the caller has it.
 * Throws where `raw` is no JSON.
 */
export function hash(raw: string, volatile: string[], value?: unknown): string {
  const uuid = asUuid(digest('sha256', canonicalOf(raw, volatile, value), 'hex'))
  return uuid === goneHash || uuid === erasedHash ? asUuid('0'.repeat(31) + '1') : uuid
}

function asUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
