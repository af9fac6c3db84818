import { and, desc, eq, isNotNull, ne, not, or, sql } from 'drizzle-orm'
import { credentials, webhookEndpoints } from '../db/schema/control.ts'
import type { Sealed } from './oauthApps.ts'
import type { Db } from './page.ts'

export type WebhookEndpoint = Sealed & {
  tokenHash: string
  provider: string
  credentialId: string
  /** The provider's id of it, where we registered it. */
  upstreamId: string | null
  ready: boolean
  lastReceivedAt: Date | null
}

const endpointColumns = {
  tokenHash: webhookEndpoints.tokenHash,
  provider: webhookEndpoints.provider,
  credentialId: webhookEndpoints.credentialId,
  upstreamId: webhookEndpoints.upstreamId,
  ready: webhookEndpoints.ready,
  lastReceivedAt: webhookEndpoints.lastReceivedAt,
  ciphertext: webhookEndpoints.ciphertext,
  keyId: webhookEndpoints.keyId,
}

export async function createWebhookEndpoint(
  db: Db,
  tenantId: string,
  input: { tokenHash: string; provider: string; credentialId: string; ready: boolean } & Sealed,
): Promise<void> {
  await db.insert(webhookEndpoints).values({ tenantId, ...input })
}

export async function patchWebhookEndpoint(
  db: Db,
  tenantId: string,
  tokenHash: string,
  patch: { ready: boolean; upstreamId?: string } & Sealed,
): Promise<void> {
  const mine = and(
    eq(webhookEndpoints.tenantId, tenantId),
    eq(webhookEndpoints.tokenHash, tokenHash),
  )
  await db.update(webhookEndpoints).set(patch).where(mine)
}

/** Newest first. */
export async function webhookEndpointsOf(
  db: Db,
  tenantId: string,
  credentialId: string,
): Promise<WebhookEndpoint[]> {
  return await db
    .select(endpointColumns)
    .from(webhookEndpoints)
    .where(
      and(eq(webhookEndpoints.tenantId, tenantId), eq(webhookEndpoints.credentialId, credentialId)),
    )
    .orderBy(desc(webhookEndpoints.createdAt), webhookEndpoints.tokenHash)
}

/** All of the credential that we registered, or that never got a secret, but one. */
export async function deleteWebhookEndpoints(
  db: Db,
  tenantId: string,
  credentialId: string,
  { but }: { but: string },
): Promise<void> {
  await db
    .delete(webhookEndpoints)
    .where(
      and(
        eq(webhookEndpoints.tenantId, tenantId),
        eq(webhookEndpoints.credentialId, credentialId),
        ne(webhookEndpoints.tokenHash, but),
        or(isNotNull(webhookEndpoints.upstreamId), not(webhookEndpoints.ready)),
      ),
    )
}

/** The token is the caller's whole right, so this lookup comes before a tenant is known. */
export async function findWebhookEndpoint(
  db: Db,
  provider: string,
  tokenHash: string,
): Promise<(WebhookEndpoint & { account: string }) | null> {
  const [row] = await db
    .select({ ...endpointColumns, account: credentials.upstreamAccount })
    .from(webhookEndpoints)
    .innerJoin(credentials, eq(credentials.id, webhookEndpoints.credentialId))
    .where(and(eq(webhookEndpoints.tokenHash, tokenHash), eq(webhookEndpoints.provider, provider)))
  return row ?? null
}

export async function noteWebhookReceived(db: Db, tokenHash: string): Promise<void> {
  await db
    .update(webhookEndpoints)
    .set({ lastReceivedAt: sql`clock_timestamp()` })
    .where(eq(webhookEndpoints.tokenHash, tokenHash))
}
