import type { Connector, Limit } from '../connector.ts'
import { buckets, collections } from './collections.ts'
import { credentialKinds, identify } from './credentials.ts'
import { classify } from './errors.ts'
import { events } from './feed.ts'
import { webhooks } from './webhooks.ts'

const SECOND_MS = 1_000
const IN_FLIGHT_MAX = 16

/**
 * 80 % of what Stripe documents: 100 requests a second live, 25 in a sandbox, 25 for each operation. The number of
 * requests in flight that it allows is not published.
 */
const limits: Limit[] = [
  {
    bucket: null,
    allowed: 80,
    intervalMs: SECOND_MS,
    maxConcurrent: IN_FLIGHT_MAX,
    livemode: true,
  },
  {
    bucket: null,
    allowed: 20,
    intervalMs: SECOND_MS,
    maxConcurrent: IN_FLIGHT_MAX,
    livemode: false,
  },
  ...[...buckets, 'GET /v1/events', 'GET /v1/account', 'GET /v1/balance'].map((bucket) => ({
    bucket,
    allowed: 20,
    intervalMs: SECOND_MS,
    maxConcurrent: null,
  })),
]

export const stripe: Connector = {
  provider: 'stripe',
  title: 'Stripe',
  credentialKinds,
  limits,
  collections,
  feeds: { events },
  identify,
  classify: (answer) =>
    classify(
      answer,
      limits.flatMap(({ bucket }) => bucket ?? []),
    ),
  webhooks,
}
