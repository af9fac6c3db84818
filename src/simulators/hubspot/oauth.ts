import type { SimRequest } from '../kit/serve.ts'
import type { Grant, Installation, Keys, Permit } from './auth.ts'
import { appId, mint, newInstallation, newRefreshToken } from './auth.ts'
import { HubspotError, notFound, unknownUrl } from './errors.ts'
import type { Portal } from './portal.ts'
import type { Fields } from './objectTypes.ts'

/** `/oauth/{v1,v3,2026-…}/…`; null: an empty answer (204). */
export function oauth(
  portal: Portal,
  keys: Keys,
  request: SimRequest,
  version: string,
  [name, token, ...rest]: string[],
): Fields | null {
  const { method } = request
  if (rest.length > 0) throw unknownUrl()
  if (method === 'POST' && name === 'token') {
    const form = new URLSearchParams(request.body)
    if (token === 'introspect') return introspect(portal, keys, form)
    if (token === 'revoke') return revoke(portal, keys, form)
    if (token === undefined) return exchange(portal, keys, form, version)
  }
  if (token === undefined) throw unknownUrl()
  if (method === 'GET' && name === 'access-tokens') return accessInfo(portal, token)
  if (name === 'refresh-tokens' && method === 'GET') return refreshInfo(portal, keys, token)
  if (name === 'refresh-tokens' && method === 'DELETE') {
    if (!portal.notes('refresh').has(token)) throw notFound()
    keys.revoke(token)
    return null
  }
  throw unknownUrl()
}

function exchange(portal: Portal, keys: Keys, form: URLSearchParams, version: string): Fields {
  checkClient(keys, form)
  switch (form.get('grant_type')) {
    case 'refresh_token':
      return refresh(portal, form.get('refresh_token') ?? '', version)
    case 'authorization_code': {
      const code = form.get('code') ?? ''
      const permit = portal.notes('code').get(code) as Permit | undefined
      if (permit === undefined) {
        throw refusal('invalid_grant', 'BAD_AUTH_CODE', 'missing or unknown auth code')
      }
      return portal.change(() => {
        portal.note('code', code, null)
        const token = newRefreshToken(portal)
        portal.note('refresh', token, newInstallation(permit))
        return answer(portal, mint(portal, permit), token, permit, version)
      })
    }
    case 'client_credentials': {
      const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
      const access = mint(portal, { scopes, hidden: [] })
      return {
        token_type: 'bearer',
        access_token: access,
        expires_in: Math.floor(portal.settings.accessTokenMs / 1000),
        scopes,
      }
    }
    case null:
    default:
      throw refusal('unsupported_grant_type', 'BAD_GRANT_TYPE', 'missing or unknown grant type')
  }
}

function refresh(portal: Portal, token: string, version: string): Fields {
  const found = portal.notes('refresh').get(token) as Installation | undefined
  const { rotateRefreshTokens, refreshGraceMs } = portal.settings
  const dead = () =>
    refusal('invalid_grant', 'BAD_REFRESH_TOKEN', 'missing or invalid refresh token', {
      error_description: 'refresh token is invalid, expired or revoked',
    })
  if (found === undefined || found.revoked) throw dead()
  return portal.change(() => {
    if (found.successor !== null) {
      if (found.successor.at + refreshGraceMs <= portal.now()) throw dead()
      return answer(portal, mint(portal, found), found.successor.token, found, version)
    }
    if (!rotateRefreshTokens) return answer(portal, mint(portal, found), token, found, version)
    const next = newRefreshToken(portal)
    portal.note('refresh', next, newInstallation(found))
    portal.note('refresh', token, { ...found, successor: { token: next, at: portal.now() } })
    return answer(portal, mint(portal, found), next, found, version)
  })
}

function answer(
  portal: Portal,
  access: string,
  refreshToken: string,
  { scopes }: Permit,
  version: string,
): Fields {
  const plain = {
    token_type: 'bearer',
    access_token: access,
    refresh_token: refreshToken,
    expires_in: Math.floor(portal.settings.accessTokenMs / 1000),
  }
  if (version === 'v1') return plain
  return {
    ...plain,
    hub_id: Number(portal.id),
    user_id: 42,
    scopes,
    token_use: 'access_token',
  }
}

function checkClient(keys: Keys, form: URLSearchParams): void {
  if (form.get('client_id') !== keys.oauth.clientId) {
    throw refusal('invalid_client', 'BAD_CLIENT_ID', 'missing or invalid client id')
  }
  if (form.get('client_secret') !== keys.oauth.clientSecret) {
    throw refusal('invalid_client', 'BAD_CLIENT_SECRET', 'missing or invalid client secret')
  }
}

function refusal(error: string, status: string, message: string, more: Fields = {}): HubspotError {
  return new HubspotError(400, { error, error_description: message, ...more, status, message })
}

function accessInfo(portal: Portal, token: string): Fields {
  const grant = portal.notes('token').get(token) as Grant | undefined
  if (grant === undefined || grant.kind !== 'oauth') throw notFound('token is invalid')
  const left = Math.floor(((grant.expiresMs ?? 0) - portal.now()) / 1000)
  if (left <= 0 || grant.revoked) throw notFound('token is expired')
  return {
    token,
    user: 'owner@example.com',
    hub_domain: `portal-${portal.id}.example.com`,
    scopes: grant.scopes,
    hub_id: Number(portal.id),
    app_id: Number(appId),
    expires_in: left,
    user_id: 42,
    token_type: 'access',
  }
}

function refreshInfo(portal: Portal, keys: Keys, token: string): Fields {
  const installation = portal.notes('refresh').get(token) as Installation | undefined
  if (installation === undefined || installation.revoked) throw notFound('token is invalid')
  return {
    token,
    user: 'owner@example.com',
    hub_domain: `portal-${portal.id}.example.com`,
    scopes: installation.scopes,
    hub_id: Number(portal.id),
    client_id: keys.oauth.clientId,
    user_id: 42,
    token_type: 'refresh',
  }
}

function introspect(portal: Portal, keys: Keys, form: URLSearchParams): Fields {
  checkClient(keys, form)
  const token = form.get('token') ?? ''
  const grant = portal.notes('token').get(token) as Grant | undefined
  const installation = portal.notes('refresh').get(token) as Installation | undefined
  const lives =
    grant === undefined
      ? installation !== undefined && !installation.revoked && installation.successor === null
      : !grant.revoked && (grant.expiresMs === null || grant.expiresMs > portal.now())
  if (!lives) return { active: false }
  return {
    active: true,
    client_id: keys.oauth.clientId,
    hub_id: Number(portal.id),
    scopes: (grant ?? installation!).scopes,
    token_use: grant === undefined ? 'refresh_token' : 'access_token',
  }
}

function revoke(portal: Portal, keys: Keys, form: URLSearchParams): null {
  checkClient(keys, form)
  const token = form.get('token') ?? ''
  if (portal.notes('token').has(token) || portal.notes('refresh').has(token)) keys.revoke(token)
  return null
}
