import type { z } from 'zod'

/**
 * The contract of a connector: our code for one provider, data with functions in the cells.
 *
 * Obligations, each one a conformance test: every function is a function of its arguments (no state between calls, no
 * clock, no environment, no logging, no sleeping); a cursor survives JSON.parse(JSON.stringify()); reading again from any
 * earlier cursor is safe; a page is bounded; every await ends when `ctx.signal` aborts; errors are thrown as they come
 * from `ctx.request`.
 */
export type Connector = {
  provider: string
  /** For people: `Stripe`. */
  title: string
  credentialKinds: CredentialKind[]
  /** What a credential may spend, at most 80 % of what the provider documents: the network compresses arrivals. */
  limits: Limit[]
  /** Keyed by the collection's name without the provider: `customer`. */
  collections: Record<string, Collection>
  /** Feeds, keyed by name. One may serve many collections. */
  feeds: Record<string, Feed>
  /** Collections that only some accounts have: src/connectors/lookup.ts finds them by name. */
  dynamic?: Dynamic
  /** Who is this credential? Works also where it may read next to nothing. Throws `auth` when refused. */
  identify(ctx: Context): Promise<Identity>
  /** Provider facts for an HTTP answer that is no success; null: the general table of upstream/classify.ts decides. */
  classify?(
    answer: FailedAnswer,
    at?: { config: Record<string, string>; nowMs: number },
  ): Classified | null
  webhooks?: Webhooks
}

export type Dynamic = {
  /** What this account has besides `Connector.collections`: a few requests. */
  discover(ctx: Context): Promise<{ name: string; title: string; collection: Collection }[]>
  /** Made from the name alone, which says all that its requests need; null: no name of this kind. */
  collection(name: string): Collection | null
  feed(name: string): Feed | null
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Everything a connector may use, besides its arguments. */
export type Context = {
  /** Takes quota, adds auth, sends, reads. Rejects with a classified AppError unless the status is 2xx or in `accept`. */
  request(request: UpstreamRequest): Promise<UpstreamAnswer>
  /** What is known of the account and seldom changes, by `key`: `load` is called when it is older, for one caller at a time. */
  remember<T>(key: string, maxAgeMs: number, load: () => Promise<T>): Promise<T>
  /** The credential's properties without its secrets (shop, instance_url, …), and the facts that `identify` told. */
  config: Record<string, string>
  /** Milliseconds since 1970. */
  now(): number
  signal: AbortSignal
}

export type UpstreamRequest = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path from the base URL on, `/v1/customers`, or an absolute URL on the same host (a paging link). */
  path: string
  /** Appended in order. */
  query?: [string, string][]
  headers?: Record<string, string>
  body?: string
  /** Statuses besides 2xx that are an answer, not an error. */
  accept?: number[]
  /** Which of the connector's limits this call counts against, besides those that count every call. */
  bucket?: string
}

export type UpstreamAnswer = {
  status: number
  /** Lower-case names. */
  headers: Record<string, string>
  /** As sent. Kept as text: numbers beyond 2^53 and key order survive. */
  body: string
  /** Database clock when the quota for this request was granted: ISO 8601 with microseconds. The `observed_at` of what it returns. */
  observedAt: string
}

/** One look at one upstream object. */
export type Change = {
  /** Name without the provider: `customer`. */
  collection: string
  id: string
  /** The record's own JSON text as the provider sent it; null: only a hint (fetch by id), or a delete without a body. */
  raw: string | null
  /** `JSON.parse(raw)`, for ids and times only: never written anywhere. Left out where raw is null. */
  value?: Record<string, unknown>
  /** True: gone upstream, on positive evidence (a delete event, 404 by id, a stub that says so). */
  deleted?: boolean
  /** Privacy request: even the last state must go. Implies deleted. */
  erased?: boolean
  /** When this state was surely true; default: the page's. The body of an event carries the end of the event's own second. */
  observedAt?: string
  /** When it changed, by our clock in ms, as exactly as the provider tells; for the measure of freshness only. */
  changedMs?: number
}

export type Page = {
  changes: Change[]
  cursor: Json
  /** Nothing more to read now. */
  done: boolean
  /** Collections of which everything has to be read again: what a record is made of has changed. */
  relist?: string[]
  /** observedAt of the earliest request that this page was made from. */
  observedAt: string
  /** Listing only: creation time (ms) of the oldest object on the page; lets the engine cut what is left of a range. */
  oldestMs?: number
}

/** Half-open range of creation times in ms, `[fromMs, toMs)`; null: no bound. */
export type Bounds = { fromMs: number | null; toMs: number | null }

export type Collection = {
  /** For people: `Customers`. */
  title: string
  /** Creation and modification times of an object in microseconds since 1970, where it has them. */
  createdOf?(value: Record<string, unknown>): number | null
  updatedOf?(value: Record<string, unknown>): number | null
  /** The upstream's own order of one record where it has a true one (a revision, a modification time in µs). */
  versionOf?(value: Record<string, unknown>): bigint | null
  /** Top-level keys that differ between two reads of an unchanged object (signed URLs): left out of the hash. */
  volatile?: string[]
  /** True: the text of a record is put together from parts of an answer. */
  composed?: boolean
  /** True: `list` honours `bounds`, so that a backfill may be cut into ranges of creation time. */
  ranges: boolean
  /** The collection whose creation times the bounds are about, and `oldestMs` of its pages: its own. */
  rangedBy?: string
  /** One page, newest first where the provider can. `cursor` null: from the start. */
  list(ctx: Context, cursor: Json, bounds: Bounds): Promise<Page>
  /**
   * The object now, and what else the answer tells (children). A gone one comes as `{ id, raw: null, deleted: true }`.
   * `settled`: the answer is all that there is to say, though it may not tell of the id itself: that was a hint at a place
   * (`parent/`), not at a record.
   */
  get?(
    ctx: Context,
    id: string,
  ): Promise<{ changes: Change[]; observedAt: string; settled?: boolean }>
  /** Least requests: may this credential read the collection? Throws as `list` does. Left out: `list` is asked. */
  probe?(ctx: Context): Promise<void>
  /** How changes are seen. */
  refresh: Refresh
  /** A whole enumeration this often finds what no feed tells. */
  enumerateEveryMs: number
  /** What makes a tombstone. `sweep`: missing in a whole enumeration and then refused by id. */
  deletes: ('event' | 'gone' | 'archive' | 'sweep')[]
  /** Main fields, for `GET /v1/collections/{credential}/{collection}`. */
  fields: Field[]
}

/**
 * `feed`: by a feed of the connector. `relist`: what was made within `windowMs` is listed every `everyMs`; null: the whole
 * list, a short one. Both: the feed does not tell of all. Neither: only a whole enumeration sees them.
 */
export type Refresh = {
  feed?: string
  relist?: { everyMs: number; windowMs: number | null }
}

export type Field = {
  accessor: string
  name: string
  type: 'text' | 'number' | 'boolean' | 'timestamp' | 'json'
  primaryKey?: boolean
}

export type Feed = {
  /** Position to follow from, taken before a backfill begins, so that nothing falls between the two. */
  start(ctx: Context): Promise<Json>
  read(ctx: Context, cursor: Json): Promise<Page>
  /** Cursors older than this have lost changes: the engine makes a comparing backfill instead. Null: never. */
  retentionMs: number | null
}

export type Limit = {
  /** Null: counts every call. Else only calls that name this bucket. */
  bucket: string | null
  allowed: number
  intervalMs: number
  maxConcurrent: number | null
  /** The part of `allowed` that may be spent at once, in [0, 1): for long intervals. Left out: next to nothing. */
  burst?: number
  /** The same for every account: a `rate_limit` for a larger one does not lift it. */
  fixed?: true
  /** Only in this mode of the account; left out: both. */
  livemode?: boolean
}

export type Identity = {
  /** The upstream account's id, `acct_…`; null where the credential may not read it. */
  account: string | null
  /** For people. */
  name: string | null
  livemode: boolean
  /** Kept with the credential and given to `ctx.config` (a time zone). No secrets. */
  facts?: Record<string, string>
}

export type CredentialKind = {
  kind: string
  title: string
  /** Shape of `properties`, without `base_url`. */
  properties: z.ZodObject
  /** Keys of `properties` that are secrets: sealed, masked in answers, never in `ctx.config`. */
  secrets: string[]
  baseUrl(properties: Record<string, unknown>): string
  /** Headers that authenticate a request. Of a kind with `oauth`, `access_token` is the current one. */
  auth(properties: Record<string, unknown>): Record<string, string>
  /** Access tokens that expire, and are had anew for what the credential holds: src/credentials/refresh.ts does that. */
  oauth?: Oauth
  /** A stable key of the upstream account read off the properties alone, where `identify` cannot tell it. Never a secret itself. */
  fallbackAccount(properties: Record<string, unknown>): string
  /** The mode that the properties alone tell (a key's prefix); null: ask `identify`. Where it tells, it is believed. */
  livemode?(properties: Record<string, unknown>): boolean | null
}

export type Oauth = {
  /** True: only together with an OAuth app, whose id and secret the request carries. */
  needsApp: boolean
  /** The request for a new access token. `properties`: with the newest `refresh_token`, secrets included. */
  refresh(properties: Record<string, unknown>, app: OauthClient | null): UpstreamRequest
  /** What its answer, of whatever status, says. `refused` is final, a sentence with what to do; null: it is tried again. */
  parse(answer: FailedAnswer): Granted | { refused: string } | null
}

export type OauthClient = { clientId: string; clientSecret: string }

export type Granted = {
  accessToken: string
  /** Null: the one that was sent stays good. */
  refreshToken: string | null
  /** Null: it does not expire. */
  expiresInMs: number | null
}

export type FailedAnswer = {
  status: number
  headers: Record<string, string>
  body: string
  path: string
}

export type Classified = {
  kind: 'transient' | 'rate_limited' | 'auth' | 'permanent' | 'invalid'
  /** In our own words, never the provider's text. */
  message: string
  /** `not-enabled`: nothing is wrong, this account does not have the product or feature. */
  code?: 'not-enabled'
  retryAfterMs?: number
  /** Which limit was hit, when the answer names it; null: all of the credential. */
  bucket?: string | null
}

export type Webhooks = {
  /** Checks the signature over the raw bytes and the age, in constant time; null: refuse. `nowMs` is our clock. */
  verify(input: {
    headers: Record<string, string>
    body: Uint8Array
    secret: string
    nowMs: number
    /** As the provider called it. */
    url: string
    /** The upstream account of the credential; null: not known. */
    account: string | null
  }): Change[] | null
  /**
   * Registers an address at the provider, for all that it tells of, and takes away what was registered for the same owner
   * before: called again, there is still one. Left out: the provider has no call for that.
   */
  register?(
    ctx: Context,
    target: { url: string; owner: string },
  ): Promise<{ id: string; secret: string }>
  /** Takes it away; no error where it is gone. */
  unregister?(ctx: Context, id: string): Promise<void>
  /** What a person has to enter where, in sentences. */
  byHand?: string
}
