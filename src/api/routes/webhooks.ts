import { AppError } from '../../domain/error.ts'
import { collectionId } from '../../domain/sync.ts'
import { getSealedCredential } from '../../store/credentials.ts'
import { findWebhookEndpoint, noteWebhookReceived } from '../../store/webhookEndpoints.ts'
import { connectorOfCredential } from '../credential.ts'
import type { Route } from '../route.ts'
import { created, route } from '../route.ts'
import * as schemas from '../schemas/credentials.ts'
import { hashOf, keepSecret, makeEndpoint, secretOf } from '../webhookEndpoint.ts'

const tag = 'Webhooks'

/** For health: when the last one came. */
const notedEveryMs = 60_000

export const webhookRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/credentials/{id}/webhook-endpoint',
    operation: 'createWebhookEndpoint',
    summary: 'Make a webhook endpoint',
    description:
      'Webhooks only make changes arrive sooner: nothing depends on them. With SLUICE_PUBLIC_URL set, and where the provider has a call for it, the endpoint is registered there at once; called again, it is replaced. Else `instructions` says what to enter where; the same call with `secret` completes it. The last part of the URL is a secret.',
    tag,
    right: 'write',
    creates: true,
    body: schemas.createWebhookEndpoint,
    bodyOptional: true,
    answers: { 201: { description: 'The new endpoint.', schema: schemas.webhookEndpoint } },
    problems: ['not-found', 'conflict', 'credential-rejected'],
    async handle(call) {
      const { deps, tenantId, params, body } = call
      const row = await getSealedCredential(deps.db, tenantId, params.id)
      const connector = connectorOfCredential(deps, row)
      if (connector.webhooks === undefined) {
        throw new AppError(
          'conflict',
          `${connector.title} sends no webhooks that this server understands.`,
        )
      }
      const made =
        body.secret === undefined
          ? await makeEndpoint(call, row)
          : await keepSecret(call, row, body.secret)
      return created({
        credential_id: row.id,
        provider: row.provider,
        ...made,
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
    async handle({ deps, params, raw, headers: headersOf }) {
      const headers = headersOf()
      const tokenHash = hashOf(params.token)
      const endpoint = await findWebhookEndpoint(deps.db, params.provider, tokenHash)
      const webhooks = deps.connectors[params.provider]?.webhooks
      if (endpoint === null || webhooks === undefined)
        throw new AppError('not_found', 'There is no webhook endpoint at this address.')
      const secret = secretOf(deps, endpoint)
      const changes = webhooks.verify({
        headers: Object.fromEntries(headers),
        body: raw,
        secret,
        nowMs: deps.now(),
        url: `${deps.publicUrl ?? `https://${headers.get('host') ?? ''}`}/v1/webhooks/${params.provider}/${params.token}`,
        account: endpoint.account,
      })
      if (changes === null)
        throw new AppError('forbidden', 'The signature does not fit the body, or is too old.')
      const hints = changes.map(({ collection, id }) => ({
        collectionId: collectionId(params.provider, collection),
        upstreamId: id,
      }))
      const accepted = hints.length === 0 ? 0 : await deps.hint(endpoint.credentialId, hints)
      if (deps.now() - (endpoint.lastReceivedAt?.getTime() ?? 0) > notedEveryMs)
        await noteWebhookReceived(deps.db, tokenHash)
      return { status: 202, body: { accepted } }
    },
  }),
]
