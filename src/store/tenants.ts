import { and, eq, isNull, sql } from 'drizzle-orm'
import { consumer } from '../db/schema/consumer.ts'
import { apiKeys, credentials, oauthApps, streams, syncs, tenants } from '../db/schema/control.ts'
import { AppError } from '../domain/error.ts'
import type { Db, ListOptions, Page } from './page.ts'
import { goneSince, isUuid, listPage, notFound, sqlState } from './page.ts'
import { tellKeysChanged } from './apiKeys.ts'
import { ensureDefaultStream } from './streams.ts'

/** A tenant is one customer of an installation. These functions are the operator's: they take no tenant of their own. */
export type Tenant = { id: string; name: string; createdAt: Date }

const columns = { id: tenants.id, name: tenants.name, createdAt: tenants.createdAt }

/** The tenant `default` with its stream `default`: made at the first start, found at every other. Returns its id. */
export async function ensureDefaultTenant(db: Db): Promise<string> {
  await db.insert(tenants).values({ name: 'default' }).onConflictDoNothing()
  const [found] = await db
    .select({ id: tenants.id })
    .from(tenants)
    .where(eq(tenants.name, 'default'))
  if (found === undefined) throw new Error('the default tenant was made and is not there')
  await ensureDefaultStream(db, found.id)
  return found.id
}

/** `id` given: creating it twice is creating it once (an Idempotency-Key that is tried again after a crash). */
export async function createTenant(db: Db, input: { id: string; name: string }): Promise<Tenant> {
  try {
    return await db.transaction(async (tx) => {
      await tx.insert(tenants).values(input).onConflictDoNothing({ target: tenants.id })
      const [row] = await tx
        .select(columns)
        .from(tenants)
        .where(and(eq(tenants.id, input.id), isNull(tenants.deletedAt)))
      if (row === undefined) throw goneSince('tenant')
      await ensureDefaultStream(tx, row.id)
      return row
    })
  } catch (error) {
    if (sqlState(error) !== '23505') throw error
    throw new AppError(
      'conflict',
      `There already is a tenant called ${JSON.stringify(input.name)}. Choose another name.`,
      { code: 'name-taken', cause: error },
    )
  }
}

export async function getTenant(db: Db, id: string): Promise<Tenant> {
  const [row] = isUuid(id)
    ? await db
        .select(columns)
        .from(tenants)
        .where(and(eq(tenants.id, id), isNull(tenants.deletedAt)))
    : []
  if (row === undefined) throw notFound('tenant')
  return row
}

export async function listTenants(
  db: Db,
  filter: { name: string | null },
  options: ListOptions,
): Promise<Page<Tenant>> {
  const conditions = [
    isNull(tenants.deletedAt),
    filter.name === null ? undefined : eq(tenants.name, filter.name),
  ]
  return await listPage<Tenant>(db, tenants, columns, conditions, options)
}

/**
 * Its keys stop at once, its secrets are gone, its name is free again. A tenant with syncs or consumers is refused: they
 * are ended one by one, so that nothing runs for a tenant that nobody can see.
 */
export async function deleteTenant(db: Db, id: string): Promise<void> {
  const tenant = await getTenant(db, id)
  if (tenant.name === 'default') {
    throw new AppError(
      'conflict',
      'The tenant `default` belongs to the installation and cannot be deleted.',
    )
  }
  await db.transaction(async (tx) => {
    await tx.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, id)).for('update')
    const left = {
      syncs: await tx.$count(syncs, eq(syncs.tenantId, id)),
      consumers: await tx.$count(consumer, eq(consumer.tenantId, id)),
    }
    if (left.syncs + left.consumers > 0) {
      throw new AppError(
        'conflict',
        `The tenant still has ${left.syncs} syncs (those being removed included) and ${left.consumers} consumers. Delete them first.`,
        { code: 'in-use', details: left },
      )
    }
    await tx.delete(credentials).where(eq(credentials.tenantId, id))
    await tx.delete(oauthApps).where(eq(oauthApps.tenantId, id))
    await tx.delete(streams).where(eq(streams.tenantId, id))
    await tx
      .update(apiKeys)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(apiKeys.tenantId, id), isNull(apiKeys.revokedAt)))
    await tx
      .update(tenants)
      .set({
        deletedAt: sql`now()`,
        name: sql`${tenants.name} || ' (deleted ' || ${tenants.id} || ')'`,
      })
      .where(eq(tenants.id, id))
  })
  await tellKeysChanged(db)
}
