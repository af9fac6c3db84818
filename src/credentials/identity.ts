import type { Connector, Context, CredentialKind, Identity } from '../connectors/connector.ts'
import type { Http } from '../upstream/http.ts'
import { effectiveLimits } from '../upstream/limits.ts'
import type { Priority, Quota } from '../upstream/quota.ts'
import { createRequester } from '../upstream/request.ts'
import { texts } from './load.ts'

export type Asked = {
  connector: Connector
  kind: CredentialKind
  /** Secrets included. */
  properties: Record<string, unknown>
  baseUrl: string
  /** Null while it is being created: then there is no ledger to pay from. */
  credentialId: string | null
  signal: AbortSignal
}

/** Everything that a connector may use, for calls with a credential that are no sync's. */
export function contextFor(
  deps: { quota: Quota; http: Http },
  asked: Asked,
  priority: Priority,
): Context {
  const { connector, kind, properties } = asked
  const request = createRequester({
    ...deps,
    connector,
    credential: {
      id: asked.credentialId,
      baseUrl: asked.baseUrl,
      headers: async () => kind.auth(properties),
    },
    limits: effectiveLimits(connector, [], kind.livemode?.(properties) ?? false),
    sync: null,
    priority,
    signal: asked.signal,
  })
  const open = Object.fromEntries(
    Object.entries(properties).filter(([key]) => !kind.secrets.includes(key)),
  )
  return { request, config: texts(open), now: Date.now, signal: asked.signal }
}

/**
 * Asks the provider who a credential is. `account` is never null in the answer: where the credential may not read its own
 * account, the kind's stable key stands in. The mode that a key tells by itself wins. Throws `auth` when refused.
 */
export function createIdentify(deps: { quota: Quota; http: Http }) {
  return async (asked: Asked): Promise<Identity & { account: string }> => {
    const { connector, kind, properties } = asked
    const own = kind.livemode?.(properties) ?? null
    const identity = await connector.identify(contextFor(deps, asked, 'refetch'))
    return {
      ...identity,
      account: identity.account ?? kind.fallbackAccount(properties),
      livemode: own ?? identity.livemode,
    }
  }
}
