/**
 * Access tokens that expire (OAuth). One refresh at a time for a credential, over all processes: a lease in the database,
 * written ahead of the request, and no token is used before it is stored. Whoever dies in between, or loses the connection
 * after the provider answered, leaves the mark of an attempt whose outcome nobody knows; the next one then sends the same
 * refresh token again, as the grace of providers that rotate them allows. Nobody is handed a token for longer than one
 * request.
 */
import { randomUUID } from 'node:crypto'
import type { Connector, Granted, OauthClient, Oauth } from '../connectors/connector.ts'
import { fingerprint } from '../connectors/kit/crypto.ts'
import type { Sql } from '../db/pools.ts'
import { AppError, isAppError } from '../domain/error.ts'
import type { Attempt, NewToken, TokenRow } from '../store/oauthTokens.ts'
import { endAttempt, leaseToken, readToken, refuseToken, storeToken } from '../store/oauthTokens.ts'
import type { Http } from '../upstream/http.ts'
import type { HeadersAsk } from '../upstream/request.ts'
import { askForToken } from './grant.ts'
import { places } from './places.ts'
import type { Sealer } from './seal.ts'

export type Tokens = {
  /**
   * The access token to send with one request. `refused`: one that the provider has just answered with 401; then another.
   * `permit` is asked before a refresh is sent (a paused sync makes no request). Throws `auth` where the provider refuses,
   * `stopped` when the signal aborts; the refresh itself then goes on for whoever asks next.
   */
  current(ask: TokenAsk): Promise<string>
  /** Waits for what is under way: an answer is not thrown away. */
  close(): Promise<void>
}

export type TokenAsk = Pick<HeadersAsk, 'permit' | 'signal'> & {
  credentialId: string
  refused?: string | undefined
}

type Deps = {
  sql: Sql
  sealer: Pick<Sealer, 'open' | 'seal'>
  http: Http
  connectorOf(provider: string): Connector
}

/** As it is sealed. `of`: what the credential held when it was had (a hash); a new refresh token by PATCH starts anew. */
type Stored = {
  accessToken: string
  refreshToken: string | null
  lifeMs: number | null
  of: string
}

/** Known in this process, by the local clock: fresh until `softMs`, good until `hardMs`. */
type Known = { accessToken: string; softMs: number; hardMs: number }

const times = {
  /** Longer than a request may take. */
  leaseMs: 30_000,
  requestMs: 20_000,
  /** Another process refreshes: looked at this often. */
  waitMs: 100,
  /** What the provider refused for good is not sent again sooner. */
  refusedMs: 60_000,
  /** A token is refreshed this share of its life before its end, at most so long. */
  marginShare: 0.1,
  marginMaxMs: 300_000,
  /** The early refresh did not succeed: the old token is still good, and the next try is so much later. */
  againMs: 2_000,
  storeTries: 5,
  storeAgainMs: 200,
  /** Credentials whose token one process keeps in mind. */
  knownMax: 5_000,
}

/** `options`: for tests. */
export function createTokens(deps: Deps, options: Partial<typeof times> = {}): Tokens {
  const work: Work = { ...deps, bounds: { ...times, ...options }, unstored: new Map() }
  const known = new Map<string, Known>()
  const flights = new Map<string, Promise<Known>>()

  function fly(ask: TokenAsk): Promise<Known> {
    const { credentialId } = ask
    const flight = refresh(work, ask)
      .then((found) => {
        known.delete(credentialId)
        known.set(credentialId, found)
        const oldest = known.keys().next().value
        if (known.size > work.bounds.knownMax && oldest !== undefined) known.delete(oldest)
        return found
      })
      .finally(() => flights.delete(credentialId))
    flights.set(credentialId, flight)
    flight.catch(() => undefined)
    return flight
  }

  return {
    async current(ask) {
      const { credentialId, refused, signal } = ask
      for (;;) {
        const shared = flights.get(credentialId)
        const have = known.get(credentialId)
        // while another request has it refreshed early, the old one is still good
        const untilMs = shared === undefined ? have?.softMs : have?.hardMs
        if (have && have.accessToken !== refused && performance.now() < untilMs!)
          return have.accessToken
        try {
          const { accessToken } = await orAborted(shared ?? fly(ask), signal)
          if (accessToken !== refused || shared === undefined) return accessToken
        } catch (error) {
          // stopped was whoever began it, not we
          const theirs = shared !== undefined && isAppError(error, 'stopped')
          if (!theirs || signal?.aborted === true) throw error
        }
      }
    },
    async close() {
      await Promise.allSettled(flights.values())
    },
  }
}

type Work = Deps & {
  bounds: typeof times
  /** Answered, but the database did not take it: stored as soon as it does. */
  unstored: Map<string, { attempt: Attempt; token: NewToken }>
}

/** Reads, waits for, or gets the current token. */
async function refresh(work: Work, ask: TokenAsk): Promise<Known> {
  const { sql, bounds, unstored } = work
  const { credentialId, refused, permit } = ask
  const lease = randomUUID()
  for (;;) {
    const left = unstored.get(credentialId)
    if (left !== undefined) {
      await storeToken(sql, left.attempt, left.token)
      unstored.delete(credentialId)
    }
    const row = await readToken(sql, credentialId)
    const held = heldBy(work, row)
    const good = goodOf(row, held, refused)
    if (good !== null && !isDue(work, row, held)) return knownOf(work, row, held, good)
    const later = good === null ? null : { ...knownOf(work, row, held, good), ...soon(work) }
    if (row.leased) {
      if (later !== null) return later
      await sleep(bounds.waitMs)
      continue
    }
    refuseAgain(work, row, held)
    const permission = await permit?.().catch((error: unknown) => {
      if (later !== null && isAppError(error, 'rate_limited')) return null
      throw error
    })
    if (permission === null && later !== null) return later
    try {
      const attempt = { credentialId, lease, version: row.version }
      const leased = await leaseToken(sql, attempt, bounds.leaseMs)
      if (leased === null) continue
      const failure = await tryOnce(work, row, held, attempt, leased.uncertain)
      if (failure === null) continue
      if (later !== null && failure.kind !== 'auth') return later
      throw failure
    } finally {
      permission?.release()
    }
  }
}

/** What a credential holds, opened. */
type Held = {
  title: string
  oauth: Oauth
  properties: Record<string, unknown>
  app: OauthClient | null
  of: string
  stored: Stored | null
}

function heldBy({ connectorOf, sealer }: Work, row: TokenRow): Held {
  const connector = connectorOf(row.provider)
  const oauth = connector.credentialKinds.find(({ kind }) => kind === row.kind)?.oauth
  if (oauth === undefined) {
    throw new AppError(
      'permanent',
      `Credentials of the kind ${row.kind} have no access tokens that are refreshed. Put in a new credential.`,
    )
  }
  const open = ({ ciphertext, keyId }: { ciphertext: Buffer; keyId: string }, place: string) =>
    sealer.open(ciphertext, keyId, place)
  const secrets = open(row.secrets, places.credential(row.credentialId))
  const of = fingerprint(JSON.stringify(secrets))
  const stored =
    row.token === null ? null : (open(row.token, places.oauthToken(row.credentialId)) as Stored)
  const own = stored?.of === of ? stored : null
  return {
    title: connector.title,
    oauth,
    of,
    stored: own,
    properties: {
      ...row.properties,
      ...secrets,
      ...(own?.refreshToken == null ? {} : { refresh_token: own.refreshToken }),
    },
    app:
      row.app === null
        ? null
        : {
            clientId: row.app.clientId,
            clientSecret: (open(row.app, places.oauthApp(row.app.id)) as { client_secret: string })
              .client_secret,
          },
  }
}

/** A token that may still be sent; null: there is none. */
function goodOf(row: TokenRow, { stored }: Held, refused: string | undefined): string | null {
  if (stored === null || stored.accessToken === refused) return null
  return row.leftMs === null || row.leftMs > 0 ? stored.accessToken : null
}

function marginMs({ bounds }: Work, { stored }: Held): number {
  return Math.min(bounds.marginMaxMs, (stored?.lifeMs ?? 0) * bounds.marginShare)
}

function isDue(work: Work, row: TokenRow, held: Held): boolean {
  return row.leftMs !== null && row.leftMs <= marginMs(work, held)
}

function knownOf(work: Work, { leftMs }: TokenRow, held: Held, accessToken: string): Known {
  const hardMs = leftMs === null ? Infinity : performance.now() + leftMs
  return { accessToken, hardMs, softMs: hardMs - marginMs(work, held) }
}

function soon({ bounds }: Work): { softMs: number } {
  return { softMs: performance.now() + bounds.againMs }
}

/** What was refused a moment ago is not sent again. */
function refuseAgain({ bounds }: Work, { refused }: TokenRow, held: Held): void {
  if (refused === null || refused.of !== refusedOf(held) || refused.agoMs > bounds.refusedMs) return
  throw new AppError('auth', refused.reason)
}

function refusedOf({ properties, app }: Held): string {
  return fingerprint(JSON.stringify([properties, app])).slice(0, 22)
}

/** One request under the lease. Null: look again, there is a token now. */
async function tryOnce(
  work: Work,
  row: TokenRow,
  held: Held,
  attempt: Attempt,
  uncertain: boolean,
): Promise<AppError | null> {
  const { sql, http, bounds } = work
  const outcome = await askForToken(http, {
    connector: held,
    oauth: held.oauth,
    baseUrl: row.baseUrl,
    properties: held.properties,
    app: held.app,
    // not the caller's: once it was sent, the answer must not be lost
    signal: AbortSignal.timeout(bounds.requestMs),
  })
  if ('granted' in outcome) {
    await keep(work, held, attempt, outcome.granted)
    return null
  }
  if ('failed' in outcome) {
    await endAttempt(sql, attempt, outcome)
    return outcome.failed
  }
  const reason = uncertain
    ? `${outcome.refused} An earlier refresh was begun of which no answer reached us, which may have used the refresh token up.`
    : outcome.refused
  const stands = await refuseToken(sql, attempt, { of: refusedOf(held), reason })
  return stands ? new AppError('auth', reason) : null
}

/** Stored before it is used, even where the database is away for a moment. */
async function keep(work: Work, held: Held, attempt: Attempt, granted: Granted): Promise<void> {
  const { sql, sealer, bounds, unstored } = work
  const { credentialId } = attempt
  const stored: Stored = {
    accessToken: granted.accessToken,
    refreshToken: granted.refreshToken ?? held.stored?.refreshToken ?? null,
    lifeMs: granted.expiresInMs,
    of: held.of,
  }
  const sealed = sealer.seal(stored, places.oauthToken(credentialId))
  const token = { ...sealed, lifeMs: granted.expiresInMs }
  for (let tries = 1; ; tries++) {
    try {
      await storeToken(sql, attempt, token)
      return
    } catch (error) {
      if (tries < bounds.storeTries && isAppError(error, 'transient')) {
        await sleep(bounds.storeAgainMs * 2 ** (tries - 1))
        continue
      }
      unstored.set(credentialId, { attempt, token })
      throw error
    }
  }
}

/** The caller may go; what it waited for goes on. */
async function orAborted<T>(flight: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await flight
  const stopped = () =>
    new AppError('stopped', 'The work was stopped before this request was sent.')
  if (signal.aborted) throw stopped()
  return await new Promise((resolve, reject) => {
    const onAbort = () => reject(stopped())
    signal.addEventListener('abort', onAbort, { once: true })
    flight.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}
