/** What must hold at rest, by evidence that the engine has no hand in: the accounts, and the log of their requests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../support/differences.ts'
import { differencesOf } from '../support/differences.ts'
import type { Stage } from './act.ts'
import { accountNames, accountOf, pathsOf, rateOf, syncNames } from './cast.ts'
import type { AccountName, SyncName } from './cast.ts'
import type { Consumer } from './consumers.ts'
import type { Silence } from './syncs.ts'

export type Entry = { at: number; path: string; status: number; fault: string | null }

/** G11: each sync's stream is its account; what a deleted sync left is deleted. */
export async function judgeStreams({ sql, syncs, control, counts }: Stage): Promise<void> {
  for (const sync of syncNames) {
    const { body } = await control[accountOf[sync]]('GET', '/_sim/snapshot')
    for (const difference of await differencesOf(sql, body as Account, syncs.id(sync)))
      counts.violation('the stream is not the account', `${sync}: ${difference}`)
  }
  const [records] = await sql<{ n: string; dead: string }[]>`
    select count(*) as n, count(*) filter (where deleted) as dead from record`
  counts.add('records', Number(records!.n))
  counts.add('tombstones', Number(records!.dead))
  const [held] = await sql<{ n: string }[]>`select count(*) as n from quarantine`
  if (held!.n !== '0') counts.violation('quarantine', `${held!.n} records`)
}

/** G4: what a consumer was given and acked is all that the stream holds for it. */
export async function judgeConsumer({ sql, counts }: Stage, consumer: Consumer): Promise<void> {
  const rows = await sql<Row[]>`
    select r.upstream_id as "upstreamId", s.collection_id as collection, r.updated_idx as idx, r.deleted, r.data
      from record r
      join source s using (source_no)
      join streams t on t.stream_no = r.stream_no
     where t.slug = ${consumer.stream}
       and (${consumer.collectionIds === null} or s.collection_id = any(${consumer.collectionIds ?? []}::text[]))`
  const seen = new Map([...consumer.view.values()].map((one) => [one.idx, one]))
  for (const row of rows) {
    const kept = seen.get(Number(row.idx))
    const same =
      kept !== undefined &&
      kept.deleted === row.deleted &&
      kept.data === JSON.stringify(row.data === null ? null : JSON.parse(row.data))
    if (!same)
      counts.violation(
        'a view is not the stream',
        `${consumer.name}: ${row.collection} ${row.upstreamId} at ${row.idx}, ${kept === undefined ? 'not seen' : 'other data'}`,
      )
  }
  if (consumer.view.size < rows.length)
    counts.violation(
      'a view is not the stream',
      `${consumer.name} has ${consumer.view.size} records of ${rows.length}`,
    )
}

type Row = {
  upstreamId: string
  collection: string
  idx: string
  deleted: boolean
  data: string | null
}

/** A grant that was given before the pause is used within 250 ms, or dropped; and as much again on its way here. */
const graceMs = 500

/** G8: while a sync was paused nobody asked for what only it reads; while all of an account were, nobody asked at all. */
export function judgeSilence({ syncs, counts }: Stage, logs: Record<AccountName, Entry[]>): void {
  let latestMs = 0
  const judge = (account: AccountName, who: string, silence: Silence, paths: string[] | null) => {
    for (const entry of logs[account]) {
      const lateMs = entry.at - silence.fromMs
      if (lateMs <= 0 || entry.at >= silence.toMs) continue
      const mine = paths === null || paths.some((path) => isBelow(entry.path, path))
      if (!mine || isIntroduction(account, entry)) continue
      latestMs = Math.max(latestMs, Math.min(lateMs, graceMs))
      if (lateMs > graceMs)
        counts.violation(
          'a request while paused',
          `${who}: ${entry.path} ${lateMs} ms after the answer, ${silence.toMs - entry.at} ms before the resume`,
        )
    }
  }
  const isIntroduction = (account: AccountName, entry: Entry) =>
    introduces.includes(entry.path) &&
    syncs.introductions.some(
      (one) => one.account === account && entry.at >= one.fromMs && entry.at <= one.toMs,
    )
  for (const silence of syncs.silences)
    judge(accountOf[silence.sync], silence.sync, silence, pathsOf(silence.sync))
  for (const account of accountNames)
    for (const both of overlaps(account, syncs.silences)) judge(account, account, both, null)
  counts.add('silences', syncs.silences.length)
  counts.add('ms after a pause of the latest request', latestMs)
}

/** What the API asks to learn whose key it was given (connectors/stripe/credentials.ts). */
const introduces = ['/v1/account', '/v1/balance', '/v1/events']

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`)
}

/** Times in which both syncs of an account were paused. */
function overlaps(account: AccountName, silences: Silence[]): Silence[] {
  const [one, other] = syncNames.filter((sync) => accountOf[sync] === account) as [
    SyncName,
    SyncName,
  ]
  const of = (sync: SyncName) => silences.filter((silence) => silence.sync === sync)
  return of(one).flatMap((a) =>
    of(other).flatMap((b) => {
      const fromMs = Math.max(a.fromMs, b.fromMs)
      const toMs = Math.min(a.toMs, b.toMs)
      return fromMs < toMs ? [{ sync: one, fromMs, toMs }] : []
    }),
  )
}

/** What the connector takes of a sandbox: four fifths of what the provider documents. */
const sandboxRate = 20

/**
 * G10, whatever becomes of a request: in any second, and in any ten, no more than the allowance and what its own slack of
 * 250 ms between grant and arrival can compress into it. And the account itself, which enforces its documented limit, has
 * refused nobody.
 */
export function judgeQuota({ counts }: Stage, logs: Record<AccountName, Entry[]>): void {
  for (const account of accountNames) {
    const rate = rateOf[account] ?? sandboxRate
    const log = logs[account]
    const times = log.map((entry) => entry.at).toSorted((a, b) => a - b)
    counts.add('requests', times.length)
    for (const seconds of [1, 10]) {
      const most = mostWithin(times, seconds * 1_000)
      counts.add(`most requests of account ${account} within ${seconds} s`, most)
      const allowed = rate * seconds + Math.ceil(rate / 4)
      if (most > allowed)
        counts.violation(
          'quota',
          `account ${account}: ${most} requests within ${seconds} s, ${allowed} allowed`,
        )
    }
    const refused = log.filter(({ status, fault }) => status === 429 && fault !== 'rate_limit')
    if (refused.length > 0)
      counts.violation('quota', `account ${account} refused ${refused.length} requests with 429`)
    counts.add('requests met by a fault', log.filter(({ fault }) => fault !== null).length)
  }
}

/** The largest number of times (ascending) within a window of this length. */
export function mostWithin(times: number[], windowMs: number): number {
  let most = 0
  for (let first = 0, last = 0; last < times.length; last++) {
    while (times[last]! - times[first]! >= windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** G12: keys stand in no log of ours, nor in what Temporal keeps. */
export function judgeSecrets({ processes, counts }: Stage, dir: string): void {
  const files = readdirSync(processes.logDir).map((name) => join(processes.logDir, name))
  const temporal = readdirSync(join(dir, 'temporal')).map((name) => join(dir, 'temporal', name))
  for (const file of [...files, ...temporal, join(dir, 'postgres', 'log')]) {
    const text = readFileSync(file, 'latin1')
    for (const secret of processes.secrets)
      if (text.includes(secret)) counts.violation('a secret in a log', file.slice(dir.length))
  }
}
