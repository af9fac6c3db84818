import { createHash, randomBytes } from 'node:crypto'
import { places } from '../../credentials/places.ts'
import { AppError } from '../../domain/error.ts'
import { collectionId } from '../../domain/sync.ts'
import {
  createWebhookEndpoint,
  findWebhookEndpoint,
  getCredential,
} from '../../store/credentials.ts'
import { connectorOfCredential } from '../credential.ts'
import type { Route } from '../route.ts'
import { created, route } from '../route.ts'
import * as schemas from '../schemas/credentials.ts'

const tag = 'Webhooks'

function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

export const webhookRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/credentials/{id}/webhook-endpoint',
    operation: 'createWebhookEndpoint',
    summary: 'Make a webhook endpoint',
    description:
      'Webhooks only make changes arrive sooner: nothing depends on them. Register the URL at the provider; its last part is a secret and is shown this once.',
    tag,
    right: 'write',
    creates: true,
    body: schemas.createWebhookEndpoint,
    bodyOptional: true,
    answers: { 201: { description: 'The new endpoint.', schema: schemas.webhookEndpoint } },
    problems: ['not-found', 'conflict'],
    async handle({ deps, tenantId, params, body }) {
      const credential = await getCredential(deps.db, tenantId, params.id)
      const connector = connectorOfCredential(deps, credential)
      if (connector.webhooks === undefined) {
        throw new AppError(
          'conflict',
          `${connector.title} sends no webhooks that this server understands.`,
        )
      }
      if (deps.publicUrl === null) {
        throw new AppError(
          'conflict',
          'This server does not know its public address. Set SLUICE_PUBLIC_URL to where the provider reaches it.',
        )
      }
      const token = randomBytes(32).toString('base64url')
      const tokenHash = hashToken(token)
      const sealed = deps.sealer.seal(
        { secret: body.secret ?? '' },
        places.webhookEndpoint(tokenHash),
      )
      await createWebhookEndpoint(deps.db, tenantId, {
        tokenHash,
        provider: credential.provider,
        credentialId: credential.id,
        ...sealed,
      })
      return created({
        credential_id: credential.id,
        provider: credential.provider,
        url: `${deps.publicUrl}/v1/webhooks/${credential.provider}/${token}`,
        registered: false,
        created_at: new Date(deps.now()).toISOString(),
      })
    },
  }),
  route({
    method: 'POST',
    path: '/v1/webhooks/{provider}/{token}',
    operation: 'receiveWebhook',
    summary: 'Receive a webhook of a provider',
    description: 'Called by the provider. The signature over the raw body is checked, and its age.',
    tag,
    right: null,
    rawBody: true,
    answers: {
      202: { description: 'The records will be looked at.', schema: schemas.webhookAnswer },
    },
    problems: ['not-found', 'forbidden'],
    async handle({ deps, params, raw, headers }) {
      const tokenHash = hashToken(params.token)
      const endpoint = await findWebhookEndpoint(deps.db, params.provider, tokenHash)
      const webhooks = deps.connectors[params.provider]?.webhooks
      if (endpoint === null || webhooks === undefined)
        throw new AppError('not_found', 'There is no webhook endpoint at this address.')
      const { secret } = deps.sealer.open(
        endpoint.ciphertext,
        endpoint.keyId,
        places.webhookEndpoint(tokenHash),
      ) as { secret: string }
      if (secret === '')
        throw new AppError(
          'forbidden',
          'This endpoint has no signing secret, so nothing it gets can be trusted. Make another with `secret`.',
        )
      const changes = webhooks.verify({
        headers: Object.fromEntries(headers),
        body: raw,
        secret,
        nowMs: deps.now(),
      })
      if (changes === null)
        throw new AppError('forbidden', 'The signature does not fit the body, or is too old.')
      const hints = changes.map(({ collection, id }) => ({
        collectionId: collectionId(params.provider, collection),
        upstreamId: id,
      }))
      const accepted = hints.length === 0 ? 0 : await deps.hint(endpoint.credentialId, hints)
      return { status: 202, body: { accepted } }
    },
  }),
]
