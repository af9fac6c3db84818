import type { Connector, Context, CredentialKind, Identity } from '../connectors/connector.ts'
import type { Http } from '../upstream/http.ts'
import { effectiveLimits } from '../upstream/limits.ts'
import type { Priority, Quota } from '../upstream/quota.ts'
import { createRequester } from '../upstream/request.ts'
import { renewed, texts } from './load.ts'
import { forgetful } from './memory.ts'
import type { Tokens } from './refresh.ts'

export type Asked = {
  connector: Connector
  kind: CredentialKind
  /** Secrets included. */
  properties: Record<string, unknown>
  baseUrl: string
  /** Null while it is being created. */
  credentialId: string | null
  /**
   * The properties are those that are stored: then the stored access token goes with them, and the credential's ledger pays.
   * New ones pay nothing, as at an import: a wait that the old ones were told says nothing of them.
   */
  stored?: boolean
  signal: AbortSignal
}

export type IdentityDeps = { quota: Quota; http: Http; tokens: Pick<Tokens, 'current'> }

/** Everything that a connector may use, for calls with a credential that are no sync's. */
export function contextFor(deps: IdentityDeps, asked: Asked, priority: Priority): Context {
  const { connector, credentialId, kind, properties } = asked
  const payer = asked.stored === true ? credentialId : null
  const stored = kind.oauth === undefined ? null : payer
  const request = createRequester({
    ...deps,
    connector,
    credential: {
      id: payer,
      baseUrl: asked.baseUrl,
      renews: stored !== null,
      headers: async (ask) =>
        stored === null
          ? kind.auth(properties)
          : await renewed(kind, properties, stored, deps.tokens, ask),
    },
    limits: effectiveLimits(connector, [], kind.livemode?.(properties) ?? false),
    sync: null,
    priority,
    signal: asked.signal,
  })
  const open = Object.fromEntries(
    Object.entries(properties).filter(([key]) => !kind.secrets.includes(key)),
  )
  return { request, config: texts(open), remember: forgetful, now: Date.now, signal: asked.signal }
}

/**
 * Asks the provider who a credential is. `account` is never null in the answer: where the credential may not read its own
 * account, the kind's stable key stands in. The mode that a key tells by itself wins. Throws `auth` when refused.
 */
export function createIdentify(deps: IdentityDeps) {
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
