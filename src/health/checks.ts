/** Facts to checks: each a sentence that says what is wrong, since when, and what to do. Pure. */
import { durationMs } from '../domain/duration.ts'
import type { CollectionFacts, SyncFacts } from './facts.ts'

export type HealthStatus = 'initializing' | 'healthy' | 'warning' | 'error'

export type CheckName =
  | 'credential'
  | 'provider'
  | 'progress'
  | 'lag'
  | 'quota'
  | 'collections'
  | 'deletes'

export type Check = {
  name: CheckName
  status: HealthStatus
  message: string
  sinceMs: number | null
}

const minute = 60_000
/** What lasts shorter than this mends itself more often than not. */
export const patienceMs = 15 * minute
const namesShown = 5

export function checksOf(facts: SyncFacts): Check[] {
  return [
    credential(facts),
    progress(facts),
    provider(facts),
    quota(facts),
    collections(facts),
    lag(facts),
    deletes(facts),
  ]
}

function credential({ refused, status }: SyncFacts): Check {
  if (refused === null) return fine('credential', 'The credential is accepted.')
  const then =
    status === 'active' ? 'The sync goes on by itself as soon as the credential is updated.' : ''
  return check(
    'credential',
    'error',
    `Refused since ${at(refused.sinceMs)}: ${refused.reason} ${then}`.trim(),
    refused.sinceMs,
  )
}

function progress(facts: SyncFacts): Check {
  const { createdAtMs, error, frequency, lastProgressAtMs, nowMs, refused, status } = facts
  if (status === 'deleted') return fine('progress', 'The sync is being removed.')
  if (status === 'paused')
    return fine(
      'progress',
      'Paused: nothing is requested until it is resumed. Nothing is lost meanwhile.',
    )
  if (refused !== null) return fine('progress', 'Waits for a credential that is accepted.')
  const allowedMs = Math.max(patienceMs, 3 * (durationMs(frequency) ?? 0))
  const lastMs = lastProgressAtMs ?? createdAtMs
  if (nowMs - lastMs > allowedMs) {
    const why =
      error === null
        ? 'No worker seems to run: look whether one is up, and whether Temporal answers.'
        : error.message
    return check(
      'progress',
      'error',
      `No progress since ${at(lastMs)}. ${why} It is tried again without end.`,
      lastMs,
    )
  }
  const started = facts.collections.some(
    (one) => one.seen > 0 || one.backfilled || one.lastCheckedAtMs !== null,
  )
  if (!started && lastProgressAtMs === null) {
    return check('progress', 'initializing', 'The first page has not arrived yet.', null)
  }
  return fine('progress', `Last progress at ${at(lastMs)}.`)
}

function provider({ error, nowMs, status }: SyncFacts): Check {
  if (error === null || error.kind === 'auth' || status !== 'active')
    return fine('provider', 'The provider answers.')
  const lasts = nowMs - error.sinceMs > patienceMs
  const message = `Since ${at(error.sinceMs)}: ${error.message} It is tried again without end.`
  return lasts ? check('provider', 'warning', message, error.sinceMs) : fine('provider', message)
}

function quota({ nowMs, quotaBlockedUntilMs }: SyncFacts): Check {
  if (quotaBlockedUntilMs === null) return fine('quota', 'Requests are within the quota.')
  const message = `The provider asked to wait until ${at(quotaBlockedUntilMs)}; all requests of this credential do.`
  const long = quotaBlockedUntilMs - nowMs > patienceMs
  return long
    ? check('quota', 'warning', `${message} A smaller rate_limit would keep out of this.`, null)
    : fine('quota', message)
}

function collections({ collections: all, refused }: SyncFacts): Check {
  const blocked = all.filter((one) => one.blocked !== null)
  if (blocked.length > 0 && refused === null) {
    const status = blocked.length === all.length ? 'error' : 'warning'
    const reasons = blocked
      .slice(0, namesShown)
      .map((one) => `${one.collectionId}: ${one.blocked!.reason}`)
    const head =
      blocked.length === all.length
        ? 'No collection can be read.'
        : `${blocked.length} of ${all.length} collections cannot be read.`
    return check(
      'collections',
      status,
      `${head} ${reasons.join(' ')}${more(blocked)} Each is tried again every hour, and at a check.`,
      earliest(blocked),
    )
  }
  const broken = all.filter((one) => one.error !== null)
  if (broken.length > 0) {
    const reasons = [...new Set(broken.map((one) => one.error!.message))].slice(0, namesShown)
    return check(
      'collections',
      'warning',
      `${names(broken)}: ${reasons.join(' ')}`,
      Math.min(...broken.map((one) => one.error!.sinceMs)),
    )
  }
  const quarantined = all.filter((one) => one.quarantined > 0)
  if (quarantined.length > 0) {
    const count = quarantined.reduce((sum, one) => sum + one.quarantined, 0)
    return check(
      'collections',
      'warning',
      `${count} records of ${names(quarantined)} could not be taken in: see the quarantine of this sync, and report it as a bug.`,
      null,
    )
  }
  return fine('collections', `All ${all.length} collections can be read.`)
}

function lag({ collections: all, nowMs, status }: SyncFacts): Check {
  const hints = all.reduce((sum, one) => sum + one.hints, 0)
  const oldestMs = Math.min(...all.map((one) => one.oldestHintAtMs ?? Infinity))
  if (hints === 0 || status !== 'active') return fine('lag', 'No known change waits to be read.')
  const message = `${hints} records are known to have changed and wait to be read, the first since ${at(oldestMs)}.`
  return nowMs - oldestMs > patienceMs
    ? check(
        'lag',
        'warning',
        `${message} A larger rate_limit would help, if the provider allows it.`,
        oldestMs,
      )
    : fine('lag', message)
}

function deletes({ collections: all, syncId }: SyncFacts): Check {
  const held = all.filter((one) => one.held !== null)
  if (held.length === 0) return fine('deletes', 'No deletes are held back.')
  const what = held.slice(0, namesShown).map((one) => {
    const { count, of, samples } = one.held!
    return `${count} of ${of} records of ${one.collectionId} seem to be gone (${samples.slice(0, 3).join(', ')}, …).`
  })
  return check(
    'deletes',
    'warning',
    `${what.join(' ')} So many are held back: POST /v1/syncs/${syncId}/deletes/approve if they are gone, …/reject if not.`,
    Math.min(...held.map((one) => Date.parse(one.held!.since))),
  )
}

function fine(name: CheckName, message: string): Check {
  return { name, status: 'healthy', message, sinceMs: null }
}

function check(
  name: CheckName,
  status: HealthStatus,
  message: string,
  sinceMs: number | null,
): Check {
  return { name, status, message, sinceMs }
}

function names(some: CollectionFacts[]): string {
  return (
    some
      .slice(0, namesShown)
      .map((one) => one.collectionId)
      .join(', ') + more(some)
  )
}

function more(some: CollectionFacts[]): string {
  return some.length > namesShown ? ` and ${some.length - namesShown} more` : ''
}

function earliest(blocked: CollectionFacts[]): number {
  return Math.min(...blocked.map((one) => one.blocked!.sinceMs))
}

function at(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
