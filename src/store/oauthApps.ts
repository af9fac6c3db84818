import { and, eq, sql } from 'drizzle-orm'
import { credentials, oauthApps } from '../db/schema/control.ts'
import { AppError } from '../domain/error.ts'
import type { Db, ListOptions, Page } from './page.ts'
import {
  changedMeanwhile,
  contains,
  isUuid,
  listPage,
  notFound,
  patchRow,
  sqlState,
  typed,
  versionOf,
} from './page.ts'

export type OauthApp = {
  id: string
  provider: string
  name: string
  clientId: string
  metadata: Record<string, unknown>
  version: string
  createdAt: Date
  updatedAt: Date
}
export type Sealed = { ciphertext: Buffer; keyId: string }

/** Without the secret: what is not selected cannot be shown. */
const columns = {
  id: oauthApps.id,
  provider: oauthApps.provider,
  name: oauthApps.name,
  clientId: oauthApps.clientId,
  metadata: typed<Record<string, unknown>>(oauthApps.metadata),
  version: versionOf(oauthApps.updatedAt),
  createdAt: oauthApps.createdAt,
  updatedAt: oauthApps.updatedAt,
}

export async function createOauthApp(
  db: Db,
  tenantId: string,
  input: {
    id: string
    provider: string
    name: string
    clientId: string
    metadata: object
  } & Sealed,
): Promise<OauthApp> {
  await db
    .insert(oauthApps)
    .values({ tenantId, ...input })
    .onConflictDoNothing({ target: oauthApps.id })
  return await getOauthApp(db, tenantId, input.id)
}

export async function getOauthApp(db: Db, tenantId: string, id: string): Promise<OauthApp> {
  const [row] = await db.select(columns).from(oauthApps).where(mine(tenantId, id))
  if (row === undefined) throw notFound('OAuth app')
  return row
}

/** With its sealed secret: for the code that calls the provider. */
export async function getSealedOauthApp(
  db: Db,
  tenantId: string,
  id: string,
): Promise<OauthApp & Sealed> {
  const [row] = await db
    .select({ ...columns, ciphertext: oauthApps.ciphertext, keyId: oauthApps.keyId })
    .from(oauthApps)
    .where(mine(tenantId, id))
  if (row === undefined) throw notFound('OAuth app')
  return row
}

export async function listOauthApps(
  db: Db,
  tenantId: string,
  filter: {
    provider: string | null
    name: string | null
    metadata: Record<string, unknown> | null
  },
  options: ListOptions,
): Promise<Page<OauthApp>> {
  const conditions = [
    eq(oauthApps.tenantId, tenantId),
    filter.provider === null ? undefined : eq(oauthApps.provider, filter.provider),
    filter.name === null ? undefined : eq(oauthApps.name, filter.name),
    filter.metadata === null ? undefined : contains(oauthApps.metadata, filter.metadata),
  ]
  return await listPage<OauthApp>(db, oauthApps, columns, conditions, options)
}

export async function patchOauthApp(
  db: Db,
  tenantId: string,
  id: string,
  patch: { name?: string; metadata?: object } & Partial<Sealed>,
  version: string | null,
): Promise<OauthApp> {
  const changed = await patchRow(db, oauthApps, mine(tenantId, id), patch, version)
  const now = await getOauthApp(db, tenantId, id)
  if (!changed) throw changedMeanwhile('OAuth app')
  return now
}

export async function deleteOauthApp(db: Db, tenantId: string, id: string): Promise<void> {
  try {
    const gone = await db
      .delete(oauthApps)
      .where(mine(tenantId, id))
      .returning({ id: oauthApps.id })
    if (gone.length === 0) throw notFound('OAuth app')
  } catch (error) {
    if (sqlState(error) !== '23503') throw error
    const used = await db.$count(
      credentials,
      and(eq(credentials.tenantId, tenantId), eq(credentials.oauthAppId, id)),
    )
    throw new AppError('conflict', `${used} credentials use this OAuth app. Delete them first.`, {
      code: 'in-use',
      cause: error,
    })
  }
}

function mine(tenantId: string, id: string) {
  return isUuid(id) ? and(eq(oauthApps.tenantId, tenantId), eq(oauthApps.id, id)) : sql`false`
}
