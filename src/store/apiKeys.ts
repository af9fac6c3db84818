import { hash as digest, timingSafeEqual } from 'node:crypto'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { apiKeys, tenants } from '../db/schema/control.ts'
import { AppError } from '../domain/error.ts'
import type { Db, ListOptions, Page } from './page.ts'
import { goneSince, isUuid, listPage, notFound, typed } from './page.ts'

export const scopes = ['read', 'write', 'consume', 'admin'] as const
export type Scope = (typeof scopes)[number]

export type ApiKey = {
  id: string
  name: string
  scopes: Scope[]
  expiresAt: Date | null
  lastUsedAt: Date | null
  createdAt: Date
}

/** Who calls: what a request is allowed, and for which tenant. */
export type Caller = { keyId: string; tenantId: string; scopes: Scope[]; operator: boolean }

const columns = {
  id: apiKeys.id,
  name: apiKeys.name,
  scopes: typed<Scope[]>(apiKeys.scopes),
  expiresAt: apiKeys.expiresAt,
  lastUsedAt: apiKeys.lastUsedAt,
  createdAt: apiKeys.createdAt,
}

/** SHA-256, hex: keys are 256 random bits, so a slow hash would add nothing but a way to overload us. */
export function hashKey(key: string): string {
  return digest('sha256', key)
}

/**
 * The operator's key of the configuration: valid from now on, in place of the operator key that stood there before under
 * the same name. Keys made by API are untouched.
 */
export async function ensureOperatorKey(db: Db, tenantId: string, key: string): Promise<void> {
  const hash = hashKey(key)
  await db.transaction(async (tx) => {
    await tx
      .insert(apiKeys)
      .values({ tenantId, name: 'operator', hash, scopes: [...scopes], operator: true })
      .onConflictDoUpdate({
        target: apiKeys.hash,
        set: { operator: true, scopes: [...scopes], revokedAt: null, expiresAt: null },
      })
    await tx
      .update(apiKeys)
      .set({ revokedAt: sql`now()` })
      .where(
        and(eq(apiKeys.operator, true), isNull(apiKeys.revokedAt), sql`${apiKeys.hash} <> ${hash}`),
      )
  })
  await tellKeysChanged(db)
}

/** `key` is shown to the caller once, and only its hash is kept. The same `id` again: a new key takes its place, if it was not revoked since. */
export async function createApiKey(
  db: Db,
  tenantId: string,
  input: { id: string; name: string; scopes: Scope[]; expiresAt: Date | null; key: string },
): Promise<ApiKey> {
  const { key, ...rest } = input
  const hash = hashKey(key)
  const [row] = await db
    .insert(apiKeys)
    .values({ tenantId, hash, ...rest })
    .onConflictDoUpdate({
      target: apiKeys.id,
      set: { hash },
      setWhere: sql`${apiKeys.tenantId} = ${tenantId} and ${apiKeys.revokedAt} is null`,
    })
    .returning(columns)
  if (row === undefined) throw goneSince('API key')
  return row
}

export async function listApiKeys(
  db: Db,
  tenantId: string,
  filter: { name: string | null },
  options: ListOptions,
): Promise<Page<ApiKey>> {
  const conditions = [
    eq(apiKeys.tenantId, tenantId),
    isNull(apiKeys.revokedAt),
    filter.name === null ? undefined : eq(apiKeys.name, filter.name),
  ]
  return await listPage<ApiKey>(db, apiKeys, columns, conditions, options)
}

/** Whose key it is: for the operator, who may revoke any. */
export async function tenantOfKey(db: Db, id: string): Promise<string> {
  const [row] = isUuid(id)
    ? await db.select({ tenantId: apiKeys.tenantId }).from(apiKeys).where(eq(apiKeys.id, id))
    : []
  if (row === undefined) throw notFound('API key')
  return row.tenantId
}

/** Works at once, in every process: keys are looked up at each request. */
export async function revokeApiKey(db: Db, tenantId: string, id: string): Promise<void> {
  const mine = isUuid(id)
    ? and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.id, id), isNull(apiKeys.revokedAt))
    : sql`false`
  const [key] = await db.select({ operator: apiKeys.operator }).from(apiKeys).where(mine)
  if (key === undefined) throw notFound('API key')
  if (key.operator) {
    throw new AppError(
      'conflict',
      'This is the operator key of the configuration. Set another SLUICE_API_KEY and restart: the old one then stops.',
    )
  }
  await db
    .update(apiKeys)
    .set({ revokedAt: sql`now()` })
    .where(mine)
  await tellKeysChanged(db)
}

/** On which every process hears that a key does not count any more. */
export const keysChannel = 'sluice_key'

/** After the change, so that nobody looks before it. */
export async function tellKeysChanged(db: Db): Promise<void> {
  await db.execute(sql`select pg_notify(${keysChannel}, '')`)
}

export type Found = { caller: Caller; expiresAt: Date | null; usedRecently: boolean }

/** The one lookup before a tenant is known. Null: unknown, revoked, or of a tenant that is gone. */
export async function findCaller(db: Db, hash: string): Promise<Found | null> {
  const [row] = await db
    .select({
      keyId: apiKeys.id,
      tenantId: apiKeys.tenantId,
      scopes: columns.scopes,
      operator: apiKeys.operator,
      hash: apiKeys.hash,
      expiresAt: apiKeys.expiresAt,
      usedRecently: sql<boolean>`coalesce(${apiKeys.lastUsedAt} > now() - interval '1 minute', false)`,
    })
    .from(apiKeys)
    .innerJoin(tenants, eq(tenants.id, apiKeys.tenantId))
    .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt), isNull(tenants.deletedAt)))
  if (row === undefined || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) return null
  const { expiresAt, usedRecently, hash: _, ...caller } = row
  return { caller, expiresAt, usedRecently }
}

/** At most once a minute a key. */
export async function noteKeyUsed(db: Db, tenantId: string, keyId: string): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: sql`now()` })
    .where(
      and(
        eq(apiKeys.tenantId, tenantId),
        eq(apiKeys.id, keyId),
        sql`(${apiKeys.lastUsedAt} is null or ${apiKeys.lastUsedAt} < now() - interval '1 minute')`,
      ),
    )
}
