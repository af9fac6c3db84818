import type { Connector, Limit } from '../connectors/connector.ts'
import type { RateLimit } from '../domain/sync.ts'

/**
 * What a credential may spend: the connector's limits for this mode of the account; a `rate_limit` of any of its active
 * syncs stands in place of the connector's overall limit (the shortest one, where there are several). Each of them is a
 * ceiling over all traffic, so of several the smaller counts, and those over different intervals count together. Where that
 * is more than the connector would allow, the account has a larger allowance than the usual one, and the connector's other
 * limits grow by the same ratio, unless they are the same for every account; else they stay.
 */
export function effectiveLimits(
  connector: Pick<Connector, 'limits'>,
  rateLimits: RateLimit[],
  livemode: boolean,
): Limit[] {
  const own = limitsOf(connector, livemode)
  if (rateLimits.length === 0) return own
  const overall = own
    .filter((limit) => limit.bucket === null)
    .sort((a, b) => a.intervalMs - b.intervalMs)[0]
  const given = ceilings(rateLimits)
  const pace = Math.min(...given.map(paceOf))
  const ratio = overall === undefined ? 1 : Math.max(1, pace / paceOf(overall))
  const others = own
    .filter((limit) => limit !== overall)
    .map((limit) =>
      limit.fixed === true
        ? limit
        : { ...limit, allowed: Math.max(1, Math.floor(limit.allowed * ratio)) },
    )
  return [...given, ...others]
}

const known = new WeakMap<object, Map<boolean, Limit[]>>()

/** One list for all slices: Stripe's has two hundred entries, and every slice keeps its own for hours. */
function limitsOf(connector: Pick<Connector, 'limits'>, livemode: boolean): Limit[] {
  const modes = known.get(connector) ?? new Map<boolean, Limit[]>()
  known.set(connector, modes)
  const own =
    modes.get(livemode) ??
    connector.limits.filter((limit) => limit.livemode === undefined || limit.livemode === livemode)
  modes.set(livemode, own)
  return own
}

/** One limit an interval, each the smallest that was given. */
function ceilings(rateLimits: RateLimit[]): Limit[] {
  const caps = rateLimits.map((limit) => limit.max_concurrent_requests).filter((cap) => cap > 0)
  const maxConcurrent = caps.length === 0 ? null : Math.min(...caps)
  const allowed = new Map<number, number>()
  for (const limit of rateLimits) {
    const intervalMs = limit.interval * 1000
    const before = allowed.get(intervalMs) ?? Infinity
    allowed.set(intervalMs, Math.min(before, limit.allowed_requests))
  }
  return [...allowed].map(([intervalMs, count]) => ({
    bucket: null,
    allowed: count,
    intervalMs,
    maxConcurrent,
  }))
}

function paceOf(limit: Limit): number {
  return limit.allowed / limit.intervalMs
}
