/** Switches of the simulated portal, to be changed at any time. */
export type Settings = {
  /** Search sees a write so many ms later; a pair: by chance between them, for each write anew. */
  indexLagMs: number | [low: number, high: number]
  /** Life of an OAuth access token. */
  accessTokenMs: number
  /** A refresh answers with another refresh token, and the used one stops working. */
  rotateRefreshTokens: boolean
  /** A used rotating token answers its successor once more for so long. */
  refreshGraceMs: number
  /** Documented rate limits on. Their headers and counts are always there. */
  limits: boolean
  /** Requests per ten seconds of a private app. */
  burstPer10s: number
  /** Requests per ten seconds of an OAuth app in this portal. */
  oauthBurstPer10s: number
  /** Requests per day of all private apps together. */
  daily: number
  searchPerSecond: number
  /** Whose midnight starts the daily quota anew. IANA name. */
  timeZone: string
  /** The portal's trial is over or it is suspended: 403 for everything. */
  suspended: boolean
  /** False: no custom objects, their schemas answer 403. */
  enterprise: boolean
  /** An `after` of a list is refused so many ms after it was told. Null: never. */
  afterTtlMs: number | null
  /** Bytes of path and query at which 414 begins. */
  urlMax: number
  /** `third`: a merge makes a record with a new id (since 2025). `primary`: the primary's id survives. */
  mergeShape: 'third' | 'primary'
  /** What an associations batch says of a record without any: nothing, or an error in a 207. */
  emptyAssociations: 'omit' | '207'
  /** Waits between the tries of a webhook delivery; after the last one it is given up. */
  webhookRetriesMs: number[]
  /** A delivery starts so many ms later at the most, by chance: arrivals are out of order. */
  webhookJitterMs: number
  /** Chance that an event is delivered twice. */
  webhookTwinProbability: number
}

export const defaultSettings: Settings = {
  indexLagMs: 0,
  accessTokenMs: 1_800_000,
  rotateRefreshTokens: false,
  refreshGraceMs: 0,
  limits: false,
  burstPer10s: 190,
  oauthBurstPer10s: 110,
  daily: 650_000,
  searchPerSecond: 5,
  timeZone: 'America/New_York',
  suspended: false,
  enterprise: true,
  afterTtlMs: null,
  urlMax: 16_384,
  mergeShape: 'third',
  emptyAssociations: 'omit',
  // Ten tries over a day, scaled down to a minute.
  webhookRetriesMs: [500, 1000, 2000, 3000, 4000, 5000, 8000, 10_000, 12_000, 15_000],
  webhookJitterMs: 0,
  webhookTwinProbability: 0,
}
