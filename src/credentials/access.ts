import type { Connector, Context } from '../connectors/connector.ts'
import { collectionNamed } from '../connectors/lookup.ts'
import { toAppError } from '../db/errors.ts'
import type { RateLimit } from '../domain/sync.ts'
import type { Http } from '../upstream/http.ts'
import { effectiveLimits } from '../upstream/limits.ts'
import type { Quota } from '../upstream/quota.ts'
import { createRequester } from '../upstream/request.ts'
import type { SealedCredential } from './load.ts'
import { openCredential } from './load.ts'
import { forgetful } from './memory.ts'
import type { Tokens } from './refresh.ts'
import type { Sealer } from './seal.ts'

/** What a credential may read of a collection. `reason`: in our own words, null where it may. */
export type Access = {
  status: 'readable' | 'not_permitted' | 'not_enabled' | 'unknown'
  reason: string | null
}

export type AccessAsked = {
  connector: Connector
  credential: SealedCredential & { livemode: boolean; version: string }
  /** Of all active syncs of the credential. */
  rateLimits: RateLimit[]
  /** Collections without the provider. */
  names: string[]
  signal: AbortSignal
}

export type AccessDeps = {
  quota: Quota
  http: Http
  sealer: Pick<Sealer, 'open'>
  tokens: Pick<Tokens, 'current'>
  now(): number
}

const keptMs = 600_000
const patienceMs = 8_000
const atOnce = 8
const credentialsKept = 500

/**
 * Asks the provider with one small request a collection, within the quota, and remembers the answers for ten minutes.
 * What is not known within 8 s is `unknown`: the next call goes on from there. Never throws for what the provider does.
 */
export function createAccess(deps: AccessDeps) {
  const known = new Map<string, { untilMs: number; byName: Map<string, Access> }>()

  const remembered = ({ credential }: AccessAsked): Map<string, Access> => {
    const key = `${credential.id} ${credential.version}`
    const found = known.get(key)
    if (found !== undefined && found.untilMs > deps.now()) return found.byName
    const fresh = { untilMs: deps.now() + keptMs, byName: new Map<string, Access>() }
    known.delete(key)
    known.set(key, fresh)
    const oldest = known.keys().next().value
    if (known.size > credentialsKept && oldest !== undefined) known.delete(oldest)
    return fresh.byName
  }

  return async (asked: AccessAsked): Promise<Map<string, Access>> => {
    const byName = remembered(asked)
    const waiting = asked.names.filter((name) => !byName.has(name))
    const signal = AbortSignal.any([asked.signal, AbortSignal.timeout(patienceMs)])
    let failure: string | null = null
    const lane = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        if (failure !== null || signal.aborted) return
        const access = await look(deps, asked, name, signal)
        if (access.status === 'unknown') failure = access.reason
        else byName.set(name, access)
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, lane))
    const rest: Access = { status: 'unknown', reason: failure ?? 'Not asked yet: ask again.' }
    return new Map(asked.names.map((name) => [name, byName.get(name) ?? rest]))
  }
}

/**
 * What the account has besides the collections that the connector lists. Throws AppError as every request to the provider:
 * `auth`, `permanent`, `rate_limited`, `transient`.
 */
export async function discover(deps: AccessDeps, asked: Omit<AccessAsked, 'names'>) {
  const { connector, signal } = asked
  return (await connector.dynamic?.discover(contextOf(deps, asked, signal))) ?? []
}

function contextOf(
  deps: AccessDeps,
  { connector, credential, rateLimits }: Omit<AccessAsked, 'names'>,
  signal: AbortSignal,
): Context {
  const open = openCredential(credential, deps.sealer, connector, deps.tokens)
  const request = createRequester({
    ...deps,
    connector,
    credential: { id: credential.id, ...open },
    limits: effectiveLimits(connector, rateLimits, credential.livemode),
    sync: null,
    priority: 'refetch',
    signal,
  })
  return { request, config: open.config, remember: forgetful, now: deps.now, signal }
}

async function look(
  deps: AccessDeps,
  asked: AccessAsked,
  name: string,
  signal: AbortSignal,
): Promise<Access> {
  const { connector } = asked
  try {
    const collection = collectionNamed(connector, name)!
    const ctx = contextOf(deps, asked, signal)
    if (collection.probe) await collection.probe(ctx)
    else await collection.list(ctx, null, { fromMs: null, toMs: null })
    return { status: 'readable', reason: null }
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.kind === 'permanent') {
      const status = error.code === 'not-enabled' ? 'not_enabled' : 'not_permitted'
      return { status, reason: error.message }
    }
    const late = error.kind === 'stopped'
    return {
      status: 'unknown',
      reason: late ? 'There was no time to ask: ask again.' : error.message,
    }
  }
}
