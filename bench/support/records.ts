import type { Observation } from '../../src/stream/write.ts'

/** What the table holds a record: about this much JSON. */
const bytes = 1500

/** JSON of about 1.5 kB with 60 members, two levels deep, as providers send: another version differs in three of them. */
export function bodyOf(id: string, version: number): string {
  const metadata: Record<string, string> = {}
  for (let i = 0; i < 36; i++) metadata[`field_${i}`] = digits(`${id}/${i}`)
  const body = {
    id,
    object: 'customer',
    version,
    name: `Name of ${id}`,
    email: `${id}@example.com`,
    balance: version * 7,
    currency: 'eur',
    delinquent: version % 2 === 0,
    address: { line1: `Street ${id}`, city: 'Berlin', country: 'DE', postal_code: '10115' },
    preferred_locales: ['de', 'en'],
    metadata,
    note: '',
  }
  body.note = 'n'.repeat(Math.max(0, bytes - JSON.stringify(body).length))
  return JSON.stringify(body)
}

/** Hardly compressible, the same for the same seed. */
function digits(seed: string): string {
  let hash = 2_166_136_261
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 16_777_619)
  return (hash >>> 0).toString(36) + Math.imul(hash, 40_503).toString(36)
}

/** One look at a record, now. */
export function observation(sourceNo: number, id: string, raw: string): Observation {
  return {
    sourceNo,
    id,
    raw,
    deleted: false,
    erased: false,
    observedAt: new Date().toISOString(),
    version: null,
    createdUs: null,
    updatedUs: null,
    volatile: [],
  }
}
