import { createHash, randomBytes } from 'node:crypto'
import { places } from '../credentials/places.ts'
import { AppError, isAppError } from '../domain/error.ts'
import type { SealedCredential } from '../store/credentials.ts'
import type { WebhookEndpoint } from '../store/webhookEndpoints.ts'
import {
  createWebhookEndpoint,
  deleteWebhookEndpoints,
  patchWebhookEndpoint,
  webhookEndpointsOf,
} from '../store/webhookEndpoints.ts'
import { askedOf } from './credential.ts'
import type { ApiDeps } from './deps.ts'

/** What is sealed of an endpoint. The token stands in its URL; a secret of '' is none yet. */
type Sealed = { secret: string; token?: string }

type Made = { url: string; registered: boolean; ready: boolean; instructions: string | null }

type Making = { deps: ApiDeps; tenantId: string; signal(): AbortSignal }

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Registers an endpoint of our own at the provider where that can be done; else says what a person has to do. */
export async function makeEndpoint(call: Making, row: SealedCredential): Promise<Made> {
  const { deps } = call
  const known = await webhookEndpointsOf(deps.db, call.tenantId, row.id)
  // What waits for its secret is shown again, not made again.
  const waiting = known.find((one) => !one.ready && tokenOf(deps, one) !== null)
  const token = waiting === undefined ? await insert(call, row, '') : tokenOf(deps, waiting)!
  const url = urlOf(deps, row.provider, token)
  const { webhooks } = askedOf(deps, row, call.signal()).connector
  let why = ''
  if (deps.publicUrl !== null && webhooks?.register !== undefined) {
    const refusal = await register(call, row, token, url)
    if (refusal === null) return { url, registered: true, ready: true, instructions: null }
    why = `It could not be registered for you: ${refusal} `
  }
  return { url, registered: false, ready: false, instructions: `${why}${byHand(deps, row)}` }
}

/** Keeps the signing secret of an endpoint that somebody registered by hand. */
export async function keepSecret(
  call: Making,
  row: SealedCredential,
  secret: string,
): Promise<Made> {
  const { deps, tenantId } = call
  const known = await webhookEndpointsOf(deps.db, tenantId, row.id)
  const last = known.find((one) => one.upstreamId === null && tokenOf(deps, one) !== null)
  const token = last === undefined ? await insert(call, row, secret) : tokenOf(deps, last)!
  if (last !== undefined) await reseal(call, token, { secret })
  const url = urlOf(deps, row.provider, token)
  const away = deps.publicUrl === null || last === undefined
  return { url, registered: false, ready: true, instructions: away ? byHand(deps, row) : null }
}

/** The credential goes, or is gone: what was registered with it goes too. Best effort. */
export async function removeEndpoints(
  deps: ApiDeps,
  row: SealedCredential,
  endpoints: WebhookEndpoint[],
  signal: AbortSignal,
): Promise<void> {
  // Its ledger is gone with it.
  const asked = { ...askedOf(deps, row, signal), credentialId: null }
  for (const { upstreamId } of endpoints) {
    if (upstreamId === null) continue
    try {
      await deps.registrar.unregister(asked, upstreamId)
    } catch (error) {
      const reason = isAppError(error) ? error.message : 'unknown'
      deps.log.warn({ event: 'webhook.unregister.failed', credential: row.id, upstreamId, reason })
    }
  }
}

/** Null: done. Else why this credential may not. */
async function register(
  call: Making,
  row: SealedCredential,
  token: string,
  url: string,
): Promise<string | null> {
  const { deps, tenantId } = call
  try {
    const target = { url, owner: row.id }
    const made = await deps.registrar.register(askedOf(deps, row, call.signal()), target)
    if (made === null) return ''
    await reseal(call, token, { secret: made.secret, upstreamId: made.id })
    await deleteWebhookEndpoints(deps.db, tenantId, row.id, { but: hashOf(token) })
    return null
  } catch (error) {
    if (!isAppError(error, 'permanent')) throw error
    return error.message
  }
}

async function insert(call: Making, row: SealedCredential, secret: string): Promise<string> {
  const { deps, tenantId } = call
  const token = randomBytes(32).toString('base64url')
  const tokenHash = hashOf(token)
  await createWebhookEndpoint(deps.db, tenantId, {
    tokenHash,
    provider: row.provider,
    credentialId: row.id,
    ready: secret !== '',
    ...seal(deps, tokenHash, { secret, token }),
  })
  return token
}

async function reseal(
  { deps, tenantId }: Making,
  token: string,
  { secret, upstreamId }: { secret: string; upstreamId?: string },
): Promise<void> {
  const tokenHash = hashOf(token)
  await patchWebhookEndpoint(deps.db, tenantId, tokenHash, {
    ready: true,
    ...(upstreamId === undefined ? {} : { upstreamId }),
    ...seal(deps, tokenHash, { secret, token }),
  })
}

function seal(deps: ApiDeps, tokenHash: string, sealed: Sealed) {
  return deps.sealer.seal(sealed, places.webhookEndpoint(tokenHash))
}

/** Throws `forbidden` where there is none yet: nothing that comes can be believed. */
export function secretOf(deps: ApiDeps, endpoint: WebhookEndpoint): string {
  const { secret } = opened(deps, endpoint)
  if (secret !== '') return secret
  throw new AppError(
    'forbidden',
    'This endpoint has no signing secret yet, so nothing it gets can be trusted. Send it with POST /v1/credentials/{id}/webhook-endpoint {"secret": …}.',
  )
}

/** Null: made by a version that did not keep it. */
function tokenOf(deps: ApiDeps, endpoint: WebhookEndpoint): string | null {
  return opened(deps, endpoint).token ?? null
}

function opened(deps: ApiDeps, { ciphertext, keyId, tokenHash }: WebhookEndpoint): Sealed {
  return deps.sealer.open(ciphertext, keyId, places.webhookEndpoint(tokenHash)) as Sealed
}

function urlOf({ publicUrl }: ApiDeps, provider: string, token: string): string {
  return `${publicUrl ?? ''}/v1/webhooks/${provider}/${token}`
}

function byHand(deps: ApiDeps, row: SealedCredential): string {
  const connector = deps.connectors[row.provider]
  const how =
    connector?.webhooks?.byHand ??
    `Enter the URL at ${connector?.title ?? row.provider} as the address for webhooks. Then send the signing secret here: the same call again, with \`secret\`.`
  return deps.publicUrl === null
    ? `Put the address at which the provider reaches this server in front of the URL (with SLUICE_PUBLIC_URL set it stands there already). ${how}`
    : how
}
