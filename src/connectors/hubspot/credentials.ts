import { z } from 'zod'
import { AppError } from '../../domain/error.ts'
import type { Context, CredentialKind, FailedAnswer, Identity, Oauth } from '../connector.ts'
import { asText, readObject, tryObject } from '../kit/answer.ts'
import { fingerprint } from '../kit/crypto.ts'
import { isShut } from './errors.ts'

const token = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{8,2048}$/, 'a token, as HubSpot shows it')

const privateApp: CredentialKind = {
  kind: 'hubspot_private_app',
  title: 'Access token of a private app or service key',
  properties: z.strictObject({ access_token: token }),
  secrets: ['access_token'],
  baseUrl,
  auth,
  fallbackAccount: ({ access_token: given }) => `token_${fingerprint(String(given)).slice(0, 22)}`,
}

const oauth2: CredentialKind = {
  kind: 'hubspot_oauth2',
  title: 'Account connected by OAuth',
  properties: z.strictObject({ refresh_token: token, access_token: token.optional() }),
  secrets: ['refresh_token', 'access_token'],
  baseUrl,
  auth,
  fallbackAccount: ({ refresh_token: given }) => `grant_${fingerprint(String(given)).slice(0, 22)}`,
  oauth: { needsApp: true, refresh, parse },
}

export const credentialKinds: CredentialKind[] = [privateApp, oauth2]

/**
 * `GET /account-info/v3/details`, which every token may read unless the whole account is shut. Sandboxes are portals of
 * their own, so there is one mode.
 */
export async function identify(ctx: Context): Promise<Identity> {
  const path = '/account-info/v3/details'
  const answer = await ctx.request({ path, accept: [403] })
  if (isShut({ ...answer, path }) && (await allShut(ctx))) {
    throw new AppError(
      'auth',
      'HubSpot refuses everything to this account: its trial or subscription may have ended, or it was suspended. Look into the account at HubSpot.',
    )
  }
  if (answer.status !== 200) return { account: null, name: null, livemode: true }
  const { value } = readObject(answer)
  const portal = value['portalId']
  const account = typeof portal === 'number' ? String(portal) : asText(portal)
  const timeZone = asText(value['timeZone'])
  return {
    account,
    name: account === null ? null : `HubSpot ${account}`,
    livemode: true,
    facts: timeZone === null ? {} : { time_zone: timeZone },
  }
}

/** A single refusal may have reasons of its own. */
async function allShut(ctx: Context): Promise<boolean> {
  for (const path of ['/crm/v3/owners', '/crm/v3/objects/contacts']) {
    const answer = await ctx.request({ path, query: [['limit', '1']], accept: [403] })
    if (!isShut({ ...answer, path })) return false
  }
  return true
}

function baseUrl(): string {
  return 'https://api.hubapi.com'
}

function auth({ access_token: given }: Record<string, unknown>): Record<string, string> {
  return { authorization: `Bearer ${String(given).trim()}` }
}

type Client = Parameters<Oauth['refresh']>[1]

function refresh({ refresh_token: given }: Record<string, unknown>, app: Client) {
  return {
    method: 'POST' as const,
    path: '/oauth/v1/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: app?.clientId ?? '',
      client_secret: app?.clientSecret ?? '',
      refresh_token: String(given).trim(),
    }).toString(),
  }
}

/** HubSpot: "OAuth tokens API". Errors carry `error`, older ones only `status` (BAD_REFRESH_TOKEN). */
function parse({ status, body }: FailedAnswer): ReturnType<Oauth['parse']> {
  const given = tryObject(body)
  if (given === null) return null
  if (status === 200) {
    const accessToken = asText(given['access_token'])
    if (accessToken === null) return null
    const seconds = Number(given['expires_in'])
    return {
      accessToken,
      refreshToken: asText(given['refresh_token']),
      expiresInMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null,
    }
  }
  if (status < 400 || status > 403) return null
  const says = `${asText(given['error']) ?? ''} ${asText(given['status']) ?? ''}`
  if (/invalid_client|BAD_CLIENT|unauthorized_client/i.test(says)) {
    return {
      refused:
        'HubSpot does not know the OAuth app, or refuses its secret. Correct client_id and client_secret of the OAuth app.',
    }
  }
  if (/invalid_grant|BAD_REFRESH_TOKEN/i.test(says)) {
    return {
      refused:
        'HubSpot refuses the refresh token: the app was uninstalled, or its access revoked. Connect the account anew, and put the new refresh_token into the credential.',
    }
  }
  if (!/BAD_|invalid_|unsupported_/i.test(says)) return null
  return {
    refused:
      'HubSpot refuses to give an access token. Look into the app at HubSpot, and connect the account anew.',
  }
}
