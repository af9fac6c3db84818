import { toAppError } from '../db/errors.ts'
import { toNumberOrNull } from '../db/pools.ts'
import type { Query, Sql } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import { erasedHash, goneHash, hash } from './hash.ts'
import { isId } from './quarantine.ts'
import { inTurn } from './turns.ts'
import { wake } from './wake.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** One look at one upstream object. */
export type Observation = {
  sourceNo: number
  /** The upstream's id: not empty, no control characters. */
  id: string
  /** JSON text as the provider sent it. Null only with `deleted` or `erased`; then `{}` stands in for an unknown id. */
  raw: string | null
  /** JSON.parse(raw), where the caller has it: for the hash, which is then three times faster. */
  value?: unknown
  deleted: boolean
  /** A privacy request: the last state goes too, only the id stays. Implies deleted. */
  erased: boolean
  /** Database clock when the request was granted, or an event's own time: ISO 8601. A time ahead of the clock counts as now. */
  observedAt: string
  /** The upstream's own order of one record, where it has a true one. */
  version: bigint | null
  /** Microseconds since 1970. */
  createdUs: number | null
  updatedUs: number | null
  /** Top-level keys that the hash leaves out. */
  volatile: string[]
}

/** Who runs a checkpoint now (stream/checkpoint.ts `claim`). */
export type Fence = { checkpointNo: number; lease: string; epoch: number }

/** "Look at this record." */
export type Hint = { sourceNo: number; id: string }

export type PageWrite = {
  streamNo: number
  /** In the order of the page; of the same id the last wins. */
  observations: Observation[]
  /** `listing`: backfill, resync. `change`: feed, re-fetch by id, answer to a mutation. */
  path: 'listing' | 'change'
  fence: Fence | null
  /** Where to read on; left out: did not move. */
  cursor?: Json
  /** The range is finished. */
  done?: boolean
  hints: Hint[]
  /** Hints that this page answers; each goes only where its seq is still the one that was seen. */
  looked: (Hint & { seq: number })[]
  /** The enumeration that this page belongs to. */
  seen: { sourceNo: number; generation: number; rangeNo: number } | null
  /** The enumeration compares: what the page moves is noted as found different. */
  compares?: boolean
  /** The page tells of changes since then (ms): those are no findings of an enumeration. Left out: it tells of none. */
  tellsSinceMs?: number
}

export type Written = {
  /** Position of the last record that moved; null: none did. */
  lastIdx: number | null
  inserted: number
  updated: number
  /** Unchanged on the change path: their observed_at moved. */
  touched: number
  /** Older than what is stored, with different content. */
  stale: number
  /** Hints written: the page's own, what a listing wrongly showed, what was refused as older on the change path. */
  hinted: number
}

const nothing: Written = { lastIdx: null, inserted: 0, updated: 0, touched: 0, stale: 0, hinted: 0 }

/** Joins ids and bodies: JSON text cannot hold it raw. */
const separator = '\u001f'

/** A page in the words of the database, which takes longer to make than to send: ahead of its turn. */
export type ReadyPage = Pick<PageWrite, 'streamNo' | 'path' | 'fence' | 'seen'> & {
  empty: boolean
  columns: ReturnType<typeof columnsOf>
  hints: ReturnType<typeof keysOf>
  looked: ReturnType<typeof keysOf> & { seq: string }
  cursor: string | null
  done: boolean
  /** What else is called in the statement, and so in the transaction, of those pages that need it. */
  findings: 'found' | (Keys & { gone: string; sinceMs: number }) | null
}

/** Throws AppError `bug` for an observation that cannot be stored: no JSON, an id with control characters. */
export function readyPage(page: PageWrite): ReadyPage {
  const { streamNo, path, fence, seen } = page
  return {
    streamNo,
    path,
    fence,
    seen,
    empty: isEmpty(page),
    columns: columnsOf(page.observations),
    hints: keysOf(page.hints),
    looked: { ...keysOf(page.looked), seq: list(page.looked.map(({ seq }) => seq)) },
    cursor: page.cursor === undefined ? null : JSON.stringify(page.cursor),
    done: page.done ?? false,
    findings: findingsOf(page),
  }
}

/**
 * Writes one page: records, checkpoint, hints, settled hints and what an enumeration saw, in one round trip and one
 * transaction (G1). Then wakes waiting consumers. Throws AppError: `stopped` when fenced, `bug` for an observation that
 * cannot be stored (no JSON, an id with control characters), `transient` when the database is away.
 */
export async function writePage(sql: Sql, page: PageWrite): Promise<Written> {
  return await writeReady(sql, readyPage(page))
}

/** The same of a page that was made ready before. */
export async function writeReady(sql: Sql, page: ReadyPage): Promise<Written> {
  if (page.empty) return nothing
  try {
    const [row] = await inTurn(
      sql,
      page.streamNo,
      page.path === 'change',
      async () => await send(sql, page),
    )
    const { last_idx, inserted, updated, touched, stale, hinted } = row!
    const lastIdx = toNumberOrNull(last_idx)
    if (lastIdx !== null) wake(sql, page.streamNo)
    return { lastIdx, inserted, updated, touched, stale, hinted }
  } catch (error) {
    throw toAppError(error)
  }
}

/** Whether a page could be written, without writing it. Null: it could. Throws what is not the page's fault. */
export async function refusal(sql: Sql, page: PageWrite): Promise<AppError | null> {
  try {
    const ready = readyPage(page)
    await sql.begin(async (tx) => {
      await send(tx, ready)
      throw new NotMeant()
    })
    return null
  } catch (thrown) {
    if (thrown instanceof NotMeant) return null
    const error = toAppError(thrown)
    if (error.kind !== 'bug') throw error
    return error
  }
}

class NotMeant extends Error {}

async function send(sql: Query, page: ReadyPage): Promise<Row[]> {
  const { columns, fence, hints, looked, seen } = page
  return await sql<Row[]>`
    select last_idx, inserted, updated, touched, stale, hinted ${findings(sql, page)} ${mended(sql, page)}
      from stream_page_v1(
        ${page.streamNo}, ${columns.source}, ${columns.ids}, ${columns.hash}, ${columns.data}, ${columns.observed},
        ${columns.version}, ${columns.created}, ${columns.updated}, ${page.path === 'listing'},
        ${fence?.checkpointNo ?? null}, ${fence?.lease ?? null}, ${fence?.epoch ?? null}, ${page.cursor}, ${page.done},
        ${hints.source}, ${hints.ids}, ${looked.source}, ${looked.ids}, ${looked.seq},
        ${seen?.sourceNo ?? null}, ${seen?.generation ?? null}, ${seen?.rangeNo ?? null})`
}

type Row = Omit<Written, 'lastIdx'> & { last_idx: string | null }
type Keys = { source: string; ids: string }

function findingsOf(page: PageWrite): ReadyPage['findings'] {
  if (page.compares === true && page.observations.length > 0) return 'found'
  if (page.tellsSinceMs === undefined || page.observations.length + page.hints.length === 0)
    return null
  const { observations, hints } = page
  const gone = [...observations.map(({ deleted }) => deleted), ...hints.map(() => true)]
  return {
    ...keysOf([...observations, ...hints]),
    gone: same(gone.map(Number)),
    sinceMs: page.tellsSinceMs,
  }
}

function findings(sql: Query, { streamNo, columns, findings: what }: ReadyPage) {
  if (what === null) return sql``
  if (what === 'found')
    return sql`, stream_found_v1(${streamNo}, ${columns.source}, ${columns.ids}, last_idx) as findings`
  return sql`, stream_told_v2(${what.source}, ${what.ids}, ${what.gone}, ${what.sinceMs}::float8) as findings`
}

/** What could be stored leaves the quarantine. */
function mended(sql: Query, { columns }: ReadyPage) {
  if (columns.ids === '') return sql``
  return sql`, stream_mended_v1(${columns.source}, ${columns.ids}, ${columns.observed}) as mended`
}

function isEmpty(page: PageWrite): boolean {
  const rows = page.observations.length + page.hints.length + page.looked.length
  return rows === 0 && page.cursor === undefined && page.done !== true
}

/** Text columns are 1.7 times faster than array parameters, which the driver encodes one by one. */
function columnsOf(observations: Observation[]) {
  const hashes: string[] = []
  const bodies: string[] = []
  for (const observation of observations) {
    hashes.push(hashOf(observation))
    bodies.push(bodyOf(observation))
  }
  return {
    source: same(observations.map(({ sourceNo }) => sourceNo)),
    ids: joinIds(observations),
    hash: list(hashes),
    data: bodies.join(separator),
    observed: same(observations.map(({ observedAt }) => `"${timestamp(observedAt)}"`)),
    version: sparse(observations.map(({ version }) => version)),
    created: sparse(observations.map(({ createdUs }) => createdUs)),
    updated: sparse(observations.map(({ updatedUs }) => updatedUs)),
  }
}

function hashOf({ id, raw, value, deleted, erased, volatile }: Observation): string {
  if (erased) return erasedHash
  if (deleted) return goneHash
  if (raw === null)
    throw unstorable(`The record ${quoted(id)} came without a body and is not deleted.`)
  try {
    return hash(raw, volatile, value)
  } catch (error) {
    throw unstorable(`The body of the record ${quoted(id)} is no JSON.`, error)
  }
}

function bodyOf({ id, raw, erased }: Observation): string {
  if (erased) return JSON.stringify({ id })
  if (raw === null) return '{}'
  if (raw.includes(separator)) throw unstorable(`The body of the record ${quoted(id)} is no JSON.`)
  return raw
}

function keysOf(rows: Hint[]) {
  return { source: list(rows.map(({ sourceNo }) => sourceNo)), ids: joinIds(rows) }
}

function joinIds(rows: { id: string }[]): string {
  for (const { id } of rows) {
    if (!isId(id)) {
      throw unstorable(`${quoted(id)} is no id: it is empty, too long, or has control characters.`)
    }
  }
  return rows.map(({ id }) => id).join(separator)
}

/** Array literal. */
function list(values: (string | number | bigint | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}

/** One element where all are equal: the statement takes it for every row. */
function same(values: (string | number)[]): string {
  return list(values.every((value) => value === values[0]) ? values.slice(0, 1) : values)
}

function sparse(values: (number | bigint | null)[]): string {
  return values.every((value) => value === null) ? '{}' : list(values)
}

function timestamp(text: string): string {
  if (!/^[-0-9T:.Z+ ]+$/.test(text)) throw unstorable(`${quoted(text)} is no time.`)
  return text
}

/** The record's own, so that the others need not wait: it will not be another at the next try. */
export function isUnstorable(error: AppError): boolean {
  const { sqlstate } = error.details
  return error.code === 'unstorable-record' || /^(22|54)/.test(String(sqlstate ?? ''))
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60))
}

function unstorable(sentence: string, cause?: unknown): AppError {
  return new AppError('bug', sentence, { code: 'unstorable-record', cause })
}
