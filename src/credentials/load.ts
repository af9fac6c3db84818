import { isDeepStrictEqual } from 'node:util'
import type { Connector, CredentialKind } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { places } from './places.ts'
import type { HeadersAsk } from '../upstream/request.ts'
import type { Tokens } from './refresh.ts'
import type { Sealer } from './seal.ts'

export type SealedCredential = {
  id: string
  kind: string
  /** Properties that are no secrets. */
  properties: Record<string, unknown>
  facts?: Record<string, unknown>
  ciphertext: Buffer
  keyId: string
  baseUrl: string
}

export type OpenCredential = {
  baseUrl: string
  /** What a connector may know: the properties without secrets, and the facts of the account. */
  config: Record<string, string>
  /**
   * Headers that authenticate one request; the secrets are opened at each call and kept nowhere. `refused`: such headers that
   * the provider has just refused; where it `renews`, others come.
   */
  headers(ask?: HeadersAsk): Promise<Record<string, string>>
  renews: boolean
}

/** A stored credential, ready for requests. AAD of the seal: `credential/<id>`. */
export function openCredential(
  credential: SealedCredential,
  sealer: Pick<Sealer, 'open'>,
  connector: Connector,
  tokens: Pick<Tokens, 'current'>,
): OpenCredential {
  const kind = connector.credentialKinds.find((one) => one.kind === credential.kind)
  if (kind === undefined) {
    throw new AppError(
      'permanent',
      `${connector.title} has no credential kind ${credential.kind} any more. Put in a new credential.`,
    )
  }
  return {
    baseUrl: credential.baseUrl,
    config: texts({ ...credential.facts, ...credential.properties }),
    renews: kind.oauth !== undefined,
    async headers(ask = {}) {
      const secrets = sealer.open(
        credential.ciphertext,
        credential.keyId,
        places.credential(credential.id),
      )
      const properties = { ...credential.properties, ...secrets }
      return kind.oauth === undefined
        ? kind.auth(properties)
        : await renewed(kind, properties, credential.id, tokens, ask)
    },
  }
}

/** Headers with the current access token. */
export async function renewed(
  kind: CredentialKind,
  properties: Record<string, unknown>,
  credentialId: string,
  tokens: Pick<Tokens, 'current'>,
  { refused, ...ask }: HeadersAsk,
): Promise<Record<string, string>> {
  const headersOf = (token: string) => kind.auth({ ...properties, access_token: token })
  const isRefused = (headers: Record<string, string>) =>
    refused !== undefined && isDeepStrictEqual(headers, refused)
  const token = await tokens.current({ credentialId, ...ask })
  const headers = headersOf(token)
  if (!isRefused(headers)) return headers
  return headersOf(await tokens.current({ credentialId, ...ask, refused: token }))
}

/** Scalars as text. */
export function texts(properties: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value) ? [[key, String(value)]] : [],
    ),
  )
}
