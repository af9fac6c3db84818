import type { Connector } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { places } from './places.ts'
import type { Sealer } from './seal.ts'

export type SealedCredential = {
  id: string
  kind: string
  /** Properties that are no secrets. */
  properties: Record<string, unknown>
  ciphertext: Buffer
  keyId: string
  baseUrl: string
}

export type OpenCredential = {
  baseUrl: string
  /** What a connector may know: the properties without secrets. */
  config: Record<string, string>
  /** Headers that authenticate; the secrets are opened at each call and kept nowhere. */
  headers(): Promise<Record<string, string>>
}

/** A stored credential, ready for requests. AAD of the seal: `credential/<id>`. */
export function openCredential(
  credential: SealedCredential,
  sealer: Pick<Sealer, 'open'>,
  connector: Connector,
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
    config: texts(credential.properties),
    async headers() {
      const secrets = sealer.open(
        credential.ciphertext,
        credential.keyId,
        places.credential(credential.id),
      )
      return kind.auth({ ...credential.properties, ...secrets })
    },
  }
}

/** Scalars as text. */
export function texts(properties: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value) ? [[key, String(value)]] : [],
    ),
  )
}
