import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { credentials, syncs } from '../db/schema/control.ts'
import { AppError } from '../domain/error.ts'
import type { RateLimit } from '../domain/sync.ts'
import type { Sealed } from './oauthApps.ts'
import type { Db, ListOptions, Page } from './page.ts'
import {
  changedMeanwhile,
  contains,
  isOneOf,
  isUuid,
  listPage,
  notFound,
  patchRow,
  sqlState,
  typed,
  versionOf,
} from './page.ts'

export type Credential = {
  id: string
  name: string | null
  provider: string
  kind: string
  upstreamAccount: string
  livemode: boolean
  properties: Record<string, unknown>
  facts: Record<string, unknown>
  baseUrl: string
  oauthAppId: string | null
  metadata: Record<string, unknown>
  checkedAt: Date | null
  refusedAt: Date | null
  refusedReason: string | null
  version: string
  createdAt: Date
  updatedAt: Date
}
export type SealedCredential = Credential & Sealed & { tenantId: string }

/** Without the secrets: what is not selected cannot be shown. */
const credentialColumns = {
  id: credentials.id,
  name: credentials.name,
  provider: credentials.provider,
  kind: credentials.kind,
  upstreamAccount: credentials.upstreamAccount,
  livemode: credentials.livemode,
  properties: typed<Record<string, unknown>>(credentials.properties),
  facts: typed<Record<string, unknown>>(credentials.facts),
  baseUrl: credentials.baseUrl,
  oauthAppId: credentials.oauthAppId,
  metadata: typed<Record<string, unknown>>(credentials.metadata),
  checkedAt: credentials.checkedAt,
  refusedAt: credentials.refusedAt,
  refusedReason: credentials.refusedReason,
  version: versionOf(credentials.updatedAt),
  createdAt: credentials.createdAt,
  updatedAt: credentials.updatedAt,
}

export type NewCredential = {
  provider: string
  kind: string
  name?: string | null
  upstreamAccount: string
  livemode: boolean
  properties: object
  facts: object
  baseUrl: string
  oauthAppId?: string | null
  metadata?: object
}

/**
 * One credential an upstream account and mode. The secrets are sealed for the row's id, so the id must be known first:
 * `seal` is called with the id of the row that is there, else with `id`; when another caller was faster, once more.
 * What is left out (`name`, `metadata`, `oauthAppId`) stays as it is; a new one without a name gets the default. The same
 * `id` again is a create that is repeated.
 */
export async function upsertCredential(
  db: Db,
  tenantId: string,
  input: NewCredential & { id: string; defaultName: string | null },
  seal: (id: string) => Sealed,
): Promise<{ credential: Credential; created: boolean; wasRefused: boolean }> {
  const key = and(
    eq(credentials.tenantId, tenantId),
    eq(credentials.provider, input.provider),
    eq(credentials.upstreamAccount, input.upstreamAccount),
    eq(credentials.livemode, input.livemode),
  )
  for (let attempt = 0; attempt < 5; attempt++) {
    const [known] = await db
      .select({ id: credentials.id, refusedAt: credentials.refusedAt })
      .from(credentials)
      .where(key)
    if (known !== undefined) {
      const { id: _, defaultName: __, ...rest } = input
      const changed = await update(db, tenantId, known.id, { ...rest, ...seal(known.id) }, null)
      const wasRefused = known.refusedAt !== null
      if (changed)
        return {
          credential: await getCredential(db, tenantId, known.id),
          created: known.id === input.id,
          wasRefused,
        }
      continue
    }
    try {
      const { defaultName, ...given } = input
      const made = { name: defaultName, ...given }
      const rows = await db
        .insert(credentials)
        .values({ tenantId, ...made, ...seal(input.id), checkedAt: sql`now()` })
        .onConflictDoNothing()
        .returning({ id: credentials.id })
      if (rows.length > 0)
        return {
          credential: await getCredential(db, tenantId, input.id),
          created: true,
          wasRefused: false,
        }
    } catch (error) {
      if (sqlState(error) !== '23503') throw error
      throw unknownApp(error)
    }
  }
  throw new AppError(
    'transient',
    'The credential is being changed by others all the time. Try again.',
    { retryAfterMs: 1000 },
  )
}

export async function getCredential(db: Db, tenantId: string, id: string): Promise<Credential> {
  const [row] = await db.select(credentialColumns).from(credentials).where(mine(tenantId, id))
  if (row === undefined) throw notFound('credential')
  return row
}

/** Several at once, by id. */
export async function getCredentials(
  db: Db,
  tenantId: string,
  ids: string[],
): Promise<Map<string, Credential>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select(credentialColumns)
    .from(credentials)
    .where(and(eq(credentials.tenantId, tenantId), isOneOf(credentials.id, ids)))
  return new Map(rows.map((row) => [row.id, row]))
}

/** With its sealed secrets: for the code that calls the provider. */
export async function getSealedCredential(
  db: Db,
  tenantId: string,
  id: string,
): Promise<SealedCredential> {
  const [row] = await db
    .select({
      ...credentialColumns,
      tenantId: credentials.tenantId,
      ciphertext: credentials.ciphertext,
      keyId: credentials.keyId,
    })
    .from(credentials)
    .where(mine(tenantId, id))
  if (row === undefined) throw notFound('credential')
  return row
}

export type CredentialFilter = {
  provider: string | null
  kind: string | null
  name: string | null
  status: 'healthy' | 'error' | null
  metadata: Record<string, unknown> | null
}

export async function listCredentials(
  db: Db,
  tenantId: string,
  filter: CredentialFilter,
  options: ListOptions,
): Promise<Page<Credential>> {
  const conditions = [
    eq(credentials.tenantId, tenantId),
    filter.provider === null ? undefined : eq(credentials.provider, filter.provider),
    filter.kind === null ? undefined : eq(credentials.kind, filter.kind),
    filter.name === null ? undefined : eq(credentials.name, filter.name),
    filter.status === null ? undefined : statusIs(filter.status),
    filter.metadata === null ? undefined : contains(credentials.metadata, filter.metadata),
  ]
  return await listPage<Credential>(db, credentials, credentialColumns, conditions, options)
}

export type CredentialPatch = {
  name?: string | null
  metadata?: object
  oauthAppId?: string | null
  properties?: object
  facts?: object
  baseUrl?: string
} & Partial<Sealed>

/** New secrets (`ciphertext`) clear what the provider said about the old ones. */
export async function patchCredential(
  db: Db,
  tenantId: string,
  id: string,
  patch: CredentialPatch,
  version: string | null,
): Promise<Credential> {
  const changed = await update(db, tenantId, id, patch, version)
  const now = await getCredential(db, tenantId, id)
  if (!changed) throw changedMeanwhile('credential')
  return now
}

/** What the provider said when it was asked: `reason` null means that it accepts the credential. */
export async function noteCredentialChecked(
  db: Db,
  tenantId: string,
  id: string,
  reason: string | null,
): Promise<void> {
  await db
    .update(credentials)
    .set({
      checkedAt: sql`clock_timestamp()`,
      refusedAt:
        reason === null ? null : sql`coalesce(${credentials.refusedAt}, clock_timestamp())`,
      refusedReason: reason,
    })
    .where(mine(tenantId, id))
}

export async function deleteCredential(db: Db, tenantId: string, id: string): Promise<void> {
  try {
    const gone = await db
      .delete(credentials)
      .where(mine(tenantId, id))
      .returning({ id: credentials.id })
    if (gone.length === 0) throw notFound('credential')
  } catch (error) {
    if (sqlState(error) !== '23503') throw error
    const using = and(
      eq(syncs.tenantId, tenantId),
      eq(syncs.credentialId, id),
      isNull(syncs.deletedAt),
    )
    const used = await db.$count(syncs, using)
    const message =
      used > 0
        ? `${used} syncs use this credential. Delete them first.`
        : 'A sync of this credential is still being removed. Try again when it is gone.'
    throw new AppError('conflict', message, { code: 'in-use', cause: error })
  }
}

/** Ids of the syncs that run on a credential. */
export async function syncIdsOf(db: Db, tenantId: string, credentialId: string): Promise<string[]> {
  const rows = await db
    .select({ id: syncs.id })
    .from(syncs)
    .where(
      and(
        eq(syncs.tenantId, tenantId),
        eq(syncs.credentialId, credentialId),
        isNull(syncs.deletedAt),
      ),
    )
  return rows.map((row) => row.id)
}

/** What the active syncs of a credential were given to spend: the smallest holds for all of its traffic. */
export async function rateLimitsOf(db: Db, credentialId: string): Promise<RateLimit[]> {
  const rows = await db
    .select({ rateLimit: typed<RateLimit | null>(syncs.rateLimit) })
    .from(syncs)
    .where(and(eq(syncs.credentialId, credentialId), eq(syncs.status, 'active')))
  return rows.flatMap(({ rateLimit }) => rateLimit ?? [])
}

function statusIs(status: 'healthy' | 'error') {
  return status === 'error' ? isNotNull(credentials.refusedAt) : isNull(credentials.refusedAt)
}

async function update(
  db: Db,
  tenantId: string,
  id: string,
  patch: CredentialPatch,
  version: string | null,
) {
  const accepted =
    patch.ciphertext === undefined
      ? {}
      : { refusedAt: null, refusedReason: null, checkedAt: sql`clock_timestamp()` }
  try {
    const row = mine(tenantId, id)
    return await patchRow(db, credentials, row, { ...patch, ...accepted }, version)
  } catch (error) {
    if (sqlState(error) !== '23503') throw error
    throw unknownApp(error)
  }
}

function unknownApp(cause: unknown): AppError {
  const reason = 'names no OAuth app of this tenant'
  return new AppError('invalid', `oauth_app_id ${reason}.`, {
    fields: { oauth_app_id: [reason] },
    cause,
  })
}

function mine(tenantId: string, id: string) {
  return isUuid(id) ? and(eq(credentials.tenantId, tenantId), eq(credentials.id, id)) : sql`false`
}
