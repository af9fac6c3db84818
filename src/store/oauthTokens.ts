import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import { toNumber } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import type { Sealed } from './oauthApps.ts'

/** A credential with what its access tokens are made from. Spans of time are measured by the database's clock. */
export type TokenRow = {
  credentialId: string
  provider: string
  kind: string
  baseUrl: string
  /** Properties that are no secrets. */
  properties: Record<string, unknown>
  secrets: Sealed
  app: ({ id: string; clientId: string } & Sealed) | null
  /** Null: there is none yet. */
  token: Sealed | null
  version: number
  /** Until the token expires; null: never, or there is none. */
  leftMs: number | null
  /** Somebody refreshes. */
  leased: boolean
  refused: { of: string; reason: string; agoMs: number } | null
}

/** Throws `stopped` where the credential is gone. */
export async function readToken(sql: Sql, credentialId: string): Promise<TokenRow> {
  const [row] = await withAppErrors(
    () => sql<Row[]>`
      select c.provider, c.kind, c.base_url, c.properties, c.ciphertext, c.key_id,
             a.id as app_id, a.client_id, a.ciphertext as app_ciphertext, a.key_id as app_key_id,
             t.ciphertext as token_ciphertext, t.key_id as token_key_id, coalesce(t.version, 0)::text as version,
             (extract(epoch from t.expires_at - clock_timestamp()) * 1000)::float8 as left_ms,
             coalesce(t.lease_until > clock_timestamp(), false) as leased,
             t.refused_of, t.refused_reason,
             (extract(epoch from clock_timestamp() - t.refused_at) * 1000)::float8 as refused_ago_ms
        from credentials c
        left join oauth_apps a on a.id = c.oauth_app_id and a.tenant_id = c.tenant_id
        left join oauth_tokens t on t.credential_id = c.id
       where c.id = ${credentialId}`,
  )
  if (row === undefined)
    throw new AppError('stopped', 'The credential was deleted: nothing more is requested with it.')
  return {
    credentialId,
    provider: row.provider,
    kind: row.kind,
    baseUrl: row.base_url,
    properties: JSON.parse(row.properties) as Record<string, unknown>,
    secrets: { ciphertext: row.ciphertext, keyId: row.key_id },
    app:
      row.app_id === null
        ? null
        : {
            id: row.app_id,
            clientId: row.client_id!,
            ciphertext: row.app_ciphertext!,
            keyId: row.app_key_id!,
          },
    token:
      row.token_ciphertext === null
        ? null
        : { ciphertext: row.token_ciphertext, keyId: row.token_key_id! },
    version: toNumber(row.version),
    leftMs: row.left_ms,
    leased: row.leased,
    refused:
      row.refused_of === null
        ? null
        : { of: row.refused_of, reason: row.refused_reason!, agoMs: row.refused_ago_ms! },
  }
}

type Row = {
  provider: string
  kind: string
  base_url: string
  properties: string
  ciphertext: Buffer
  key_id: string
  app_id: string | null
  client_id: string | null
  app_ciphertext: Buffer | null
  app_key_id: string | null
  token_ciphertext: Buffer | null
  token_key_id: string | null
  version: string
  left_ms: number | null
  leased: boolean
  refused_of: string | null
  refused_reason: string | null
  refused_ago_ms: number | null
}

export type Attempt = { credentialId: string; lease: string; version: number }

/**
 * Makes the caller the one who refreshes, for `leaseMs`, and writes ahead that it does. Null: somebody else does, or has.
 * `uncertain`: the outcome of an earlier refresh was never stored.
 */
export async function leaseToken(
  sql: Sql,
  { credentialId, lease, version }: Attempt,
  leaseMs: number,
): Promise<{ uncertain: boolean } | null> {
  const until = sql`clock_timestamp() + ${leaseMs}::float8 * interval '1 ms'`
  const [row] = await withAppErrors(
    () => sql<{ uncertain: boolean }[]>`
      insert into oauth_tokens as t (credential_id, lease, lease_until, attempted_at)
      values (${credentialId}, ${lease}, ${until}, clock_timestamp())
      on conflict (credential_id) do update
        set uncertain_at = coalesce(t.uncertain_at, t.attempted_at), lease = excluded.lease,
            lease_until = excluded.lease_until, attempted_at = excluded.attempted_at
        where t.version = ${version} and (t.lease_until is null or t.lease_until <= clock_timestamp())
      returning uncertain_at is not null as uncertain`,
  )
  return row ?? null
}

export type NewToken = Sealed & { lifeMs: number | null }

/** Stores a new token. False: somebody stored a newer one. Life counts from when the refresh was begun. */
export async function storeToken(
  sql: Sql,
  { credentialId, version }: Attempt,
  { ciphertext, keyId, lifeMs }: NewToken,
): Promise<boolean> {
  const done = await withAppErrors(
    () => sql`
      update oauth_tokens
         set ciphertext = ${ciphertext}, key_id = ${keyId}, version = version + 1,
             expires_at = coalesce(attempted_at, clock_timestamp()) + ${lifeMs}::float8 * interval '1 ms',
             lease = null, lease_until = null, attempted_at = null, uncertain_at = null,
             refused_of = null, refused_reason = null, refused_at = null
       where credential_id = ${credentialId} and version = ${version}`,
  )
  return done.count > 0
}

/** The attempt ended without a token. `unsent`: and the provider cannot have seen it. */
export async function endAttempt(
  sql: Sql,
  { credentialId, lease }: Attempt,
  { unsent }: { unsent: boolean },
): Promise<void> {
  await withAppErrors(
    () => sql`
      update oauth_tokens
         set lease = null, lease_until = null,
             attempted_at = case when ${unsent}::bool then null else attempted_at end
       where credential_id = ${credentialId} and lease = ${lease}`,
  )
}

/** The provider refuses for good. False: somebody got a token meanwhile. */
export async function refuseToken(
  sql: Sql,
  { credentialId, lease, version }: Attempt,
  refused: { of: string; reason: string },
): Promise<boolean> {
  const done = await withAppErrors(
    () => sql`
      update oauth_tokens
         set lease = null, lease_until = null, attempted_at = null, uncertain_at = null,
             refused_of = ${refused.of}, refused_reason = ${refused.reason}, refused_at = clock_timestamp()
       where credential_id = ${credentialId} and lease = ${lease} and version = ${version}`,
  )
  return done.count > 0
}
