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
  | 'webhooks'
  | 'collections'
  | 'deletes'
  | 'consumers'

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
    webhooks(facts),
    collections(facts),
    lag(facts),
    deletes(facts),
    consumers(facts),
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
  return stalled(facts) ?? fine('progress', `Last progress at ${at(lastMs)}.`)
}

/** The sync lives, but the reading of a collection stands still. */
function stalled(facts: SyncFacts): Check | null {
  const still = facts.collections.filter((one) => {
    const lastMs = one.frontierAtMs ?? one.enumeratingSinceMs
    return (
      one.enumeratingSinceMs !== null && one.blocked === null && facts.nowMs - lastMs! > patienceMs
    )
  })
  const [first] = still
  if (first === undefined) return null
  const sinceMs = first.frontierAtMs ?? first.enumeratingSinceMs!
  return check(
    'progress',
    'warning',
    `The reading of ${names(still)} stands still since ${at(sinceMs)}. ${whyStill(facts, first)} It is begun again from where it stopped.`,
    sinceMs,
  )
}

function whyStill({ error, quotaBlockedUntilMs, nowMs }: SyncFacts, one: CollectionFacts): string {
  if (quotaBlockedUntilMs !== null && quotaBlockedUntilMs > nowMs)
    return `The provider asked to wait until ${at(quotaBlockedUntilMs)}.`
  if (one.error !== null) return one.error.message
  if (error !== null) return error.message
  return one.running
    ? 'A worker is at it and gets no page: the quota may be spent on changes, or the provider answers slowly.'
    : 'No worker is at it.'
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

/** Nothing depends on webhooks: that they stay away costs seconds. */
function webhooks({ collections: all, nowMs, webhooks: endpoint, status }: SyncFacts): Check {
  if (endpoint === null) return fine('webhooks', 'No webhook endpoint: changes are polled.')
  const changedMs = Math.max(0, ...all.map((one) => one.lastChangeAtMs ?? 0))
  const heardMs = endpoint.lastAtMs ?? endpoint.sinceMs
  const deaf =
    status === 'active' && changedMs - heardMs > patienceMs && nowMs - heardMs > patienceMs
  if (!deaf) {
    return fine(
      'webhooks',
      endpoint.lastAtMs === null
        ? 'Webhooks are expected; none has come yet.'
        : `The last webhook came at ${at(endpoint.lastAtMs)}.`,
    )
  }
  return check(
    'webhooks',
    'warning',
    `Changes were polled, but no webhook has come since ${at(heardMs)}: look at the provider's log of deliveries, and whether it reaches this server. Changes come through all the same, some seconds later.`,
    heardMs,
  )
}

/** Nobody else can tell that a consumer gets nothing new; tombstones stay until everybody has seen them. */
function consumers({ consumersBlocked: blocked, trimHeldBy: slowest }: SyncFacts): Check {
  const sentences: string[] = []
  if (blocked.length > 0) {
    const some = blocked
      .slice(0, namesShown)
      .map((one) => `${nameOf(one)} has ${one.waiting}`)
      .join(', ')
    sentences.push(
      `Nothing new goes to consumers for which 100,000 records or more wait for redelivery: ${some}${more(blocked)}. Let their workers ack what comes again; max_deliver sets it aside as dead letters.`,
    )
  }
  if (slowest !== null) {
    sentences.push(
      `The consumer ${nameOf(slowest)} is the slowest of the stream and has not taken what was deleted at ${at(slowest.sinceMs)}; tombstones are kept for it, and take room. Let it catch up, or delete it.`,
    )
  }
  if (sentences.length === 0)
    return fine('consumers', 'No consumer is blocked or holds old tombstones back.')
  return check('consumers', 'warning', sentences.join(' '), slowest?.sinceMs ?? null)
}

function nameOf({ consumerId, name }: { consumerId: string; name: string | null }): string {
  return name === null ? consumerId : `${name} (${consumerId})`
}

function collections({ collections: wanted, refused, syncId }: SyncFacts): Check {
  const off = wanted.filter((one) => one.blocked?.kind === 'not_enabled')
  const all = wanted.filter((one) => !off.includes(one))
  if (all.length === 0 && off.length > 0) {
    const message = `None of the ${off.length} collections is enabled on this account: ${off[0]!.blocked!.reason}`
    return check('collections', 'warning', message, earliest(off))
  }
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
      `${count} ${count === 1 ? 'record' : 'records'} of ${names(quarantined)} cannot be stored as the provider sends them: GET /v1/syncs/${syncId}/quarantine shows each and why. The others go on, and these follow as soon as they can be.`,
      null,
    )
  }
  if (off.length === 0) return fine('collections', `All ${all.length} collections can be read.`)
  return fine(
    'collections',
    `All ${all.length} collections that this account has can be read. Not enabled on it: ${names(off)}.`,
  )
}

function lag(facts: SyncFacts): Check {
  const { collections: all, nowMs, status } = facts
  const hints = all.reduce((sum, one) => sum + one.hints, 0)
  const oldestMs = Math.min(...all.map((one) => one.oldestHintAtMs ?? Infinity))
  if (status === 'active') {
    const late = all.filter((one) => isLate(facts, one))
    if (late.length > 0) return lookedLate(late)
  }
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

/** How old what we know of a collection is expected to be: how often it is looked at. Null: not known. */
export function expectedLagMs(
  { frequency }: Pick<SyncFacts, 'frequency'>,
  { lookEveryMs }: Pick<CollectionFacts, 'lookEveryMs'>,
): number | null {
  return lookEveryMs === null ? null : Math.max(lookEveryMs, durationMs(frequency) ?? 0)
}

/** A collection that is re-listed now and then is not late within its time. */
function isLate(facts: SyncFacts, one: CollectionFacts): boolean {
  const expectedMs = expectedLagMs(facts, one)
  if (expectedMs === null || one.lastCheckedAtMs === null || one.blocked !== null) return false
  return facts.nowMs - one.lastCheckedAtMs > Math.max(patienceMs, 3 * expectedMs)
}

function lookedLate(late: CollectionFacts[]): Check {
  const sinceMs = Math.min(...late.map((one) => one.lastCheckedAtMs!))
  const why = late.find((one) => one.error !== null)?.error?.message
  return check(
    'lag',
    'warning',
    `${names(late)}: not looked at since ${at(sinceMs)}, though it was due. ${why ?? 'The quota may be spent, or the provider answers slowly.'}`,
    sinceMs,
  )
}

function deletes({ collections: all, syncId }: SyncFacts): Check {
  const held = all.filter((one) => one.held !== null)
  if (held.length === 0) {
    const kept = all.reduce((sum, one) => sum + one.kept, 0)
    if (kept === 0) return fine('deletes', 'No deletes are held back.')
    return fine(
      'deletes',
      `${kept} records are missing at the provider and stay because their deletes were rejected; POST /v1/syncs/${syncId}/deletes/approve lets them go.`,
    )
  }
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

function more(some: unknown[]): string {
  return some.length > namesShown ? ` and ${some.length - namesShown} more` : ''
}

function earliest(blocked: CollectionFacts[]): number {
  return Math.min(...blocked.map((one) => one.blocked!.sinceMs))
}

function at(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
