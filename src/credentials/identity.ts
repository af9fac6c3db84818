import type { Connector, CredentialKind, Identity } from '../connectors/connector.ts'
import type { Http } from '../upstream/http.ts'
import { effectiveLimits } from '../upstream/limits.ts'
import type { Quota } from '../upstream/quota.ts'
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

/**
 * Asks the provider who a credential is. `account` is never null in the answer: where the credential may not read its own
 * account, the kind's stable key stands in. The mode that a key tells by itself wins. Throws `auth` when refused.
 */
export function createIdentify(deps: { quota: Quota; http: Http }) {
  return async (asked: Asked): Promise<Identity & { account: string }> => {
    const { connector, kind, properties } = asked
    const own = kind.livemode?.(properties) ?? null
    const request = createRequester({
      ...deps,
      connector,
      credential: {
        id: asked.credentialId,
        baseUrl: asked.baseUrl,
        headers: async () => kind.auth(properties),
      },
      limits: effectiveLimits(connector, [], own ?? false),
      sync: null,
      priority: 'refetch',
      signal: asked.signal,
    })
    const open = Object.fromEntries(
      Object.entries(properties).filter(([key]) => !kind.secrets.includes(key)),
    )
    const identity = await connector.identify({
      request,
      config: texts(open),
      now: Date.now,
      signal: asked.signal,
    })
    return {
      ...identity,
      account: identity.account ?? kind.fallbackAccount(properties),
      livemode: own ?? identity.livemode,
    }
  }
}
