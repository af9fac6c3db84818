import type { Connector, Limit } from '../connector.ts'
import { associationCollection } from './associations.ts'
import { credentialKinds, identify } from './credentials.ts'
import { dynamic, titleOfPair } from './dynamic.ts'
import { classify, SEARCH } from './errors.ts'
import { objectFeed } from './feed.ts'
import { objectCollection } from './objects.ts'
import { pairName, pairs } from './pairs.ts'
import { lists, owners, pipelines } from './small.ts'
import { objectTypes } from './objectTypes.ts'
import { webhooks } from './webhooks.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000

/**
 * 80 % of what HubSpot allows the smallest accounts: 100 requests in ten seconds an app, 250,000 a day an account, and 5
 * searches a second, which no account has more of. Larger ones say so with `rate_limit`, which lifts the day with it. Of a day's allowance a part may
 * be spent as fast as the ten seconds allow, which is what a first backfill is. The number of requests in flight is
 * not limited by HubSpot.
 */
const limits: Limit[] = [
  { bucket: null, allowed: 80, intervalMs: 10 * SECOND_MS, maxConcurrent: 10 },
  { bucket: null, allowed: 200_000, intervalMs: DAY_MS, maxConcurrent: null, burst: 0.5 },
  { bucket: SEARCH, allowed: 4, intervalMs: SECOND_MS, maxConcurrent: null, fixed: true },
]

export const hubspot: Connector = {
  provider: 'hubspot',
  title: 'HubSpot',
  credentialKinds,
  limits,
  collections: {
    ...Object.fromEntries(objectTypes.map((type) => [type.name, objectCollection(type)])),
    owners,
    pipelines,
    lists,
    ...Object.fromEntries(
      pairs.map((pair) => [pairName(pair), associationCollection(...pair, titleOfPair(pair))]),
    ),
  },
  feeds: Object.fromEntries(objectTypes.map((type) => [type.name, objectFeed(type)])),
  dynamic,
  identify,
  classify,
  webhooks,
}
