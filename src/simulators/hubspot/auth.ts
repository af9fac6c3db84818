import type { IncomingHttpHeaders } from 'node:http'
import { createRandom } from '../kit/random.ts'
import type { Random } from '../kit/random.ts'
import { HubspotError, forbidden, missingScopes } from './errors.ts'
import type { Portal } from './portal.ts'
import type { Json, ObjectType } from './objectTypes.ts'
import { allScopes } from './objectTypes.ts'

/** What a token may do. */
export type Grant = {
  kind: 'private' | 'oauth'
  /** App by which requests are counted. */
  app: string
  scopes: string[]
  /** Collections that are forbidden though the scopes would allow them. */
  hidden: string[]
  revoked: boolean
  /** Milliseconds; null: never. */
  expiresMs: number | null
}

export type Keys = {
  /** Token of a private app with every scope. The same again after a restart. */
  secret: string
  /** A new private app's token, without these scopes or collections. */
  restricted(without?: string[]): string
  /** An access or refresh token stops working. */
  revoke(token: string): void
  restore(token: string): void
  /** An access token is past its time from now on. */
  expire(token: string): void
  /** The OAuth app, and the refresh token of its first installation. */
  oauth: { clientId: string; clientSecret: string; appId: string; refreshToken: string }
  /** A new access token of an installation; the first one when none is named. */
  accessToken(refreshToken?: string): string
  /** Installs the app once more: a refresh token without these scopes or collections. */
  install(without?: string[]): string
  /** A code as the consent page hands it out, for one use. */
  code(without?: string[]): string
  /** Private app tokens that stand. */
  list(): string[]
}

export type Permit = Pick<Grant, 'scopes' | 'hidden'>

/** A refresh token. `successor`: it was used while tokens rotate. */
export type Installation = Permit & {
  revoked: boolean
  successor: { token: string; at: number } | null
}

export const appId = '777001'

/** Tokens of the portal, remembered with it. */
export function createKeys(portal: Portal): Keys {
  const random = createRandom(portal.seed ^ 0x5eed)
  const secret = `pat-na1-${uuid(random)}`
  const oauth = {
    clientId: uuid(random),
    clientSecret: uuid(random),
    appId,
    refreshToken: `na1-${uuid(random)}`,
  }
  if (!portal.notes('token').has(secret)) {
    portal.note('token', secret, privateGrant(secret, permitOf(portal, [])))
    portal.note('refresh', oauth.refreshToken, newInstallation(permitOf(portal, [])))
  }
  const edit = (token: string, part: Partial<Grant>) => {
    const kind = portal.notes('token').has(token) ? 'token' : 'refresh'
    const old = portal.notes(kind).get(token)
    if (old === undefined) throw new Error('no such token')
    portal.note(kind, token, { ...(old as object), ...part })
  }
  return {
    secret,
    oauth,
    restricted: (without = []) => {
      const token = `pat-na1-${uuid(portal.random)}`
      portal.note('token', token, privateGrant(token, permitOf(portal, without)))
      return token
    },
    revoke: (token) => edit(token, { revoked: true }),
    restore: (token) => edit(token, { revoked: false }),
    expire: (token) => edit(token, { expiresMs: portal.now() - 1000 }),
    accessToken: (refreshToken = oauth.refreshToken) => {
      const installation = portal.notes('refresh').get(refreshToken) as Installation | undefined
      if (installation === undefined) throw new Error('no such refresh token')
      return mint(portal, installation)
    },
    install: (without = []) => {
      const token = `na1-${uuid(portal.random)}`
      portal.note('refresh', token, newInstallation(permitOf(portal, without)))
      return token
    },
    code: (without = []) => {
      const code = uuid(portal.random)
      portal.note('code', code, permitOf(portal, without))
      return code
    },
    list: () =>
      [...portal.notes('token')]
        .filter(([, grant]) => (grant as Grant).kind === 'private' && !(grant as Grant).revoked)
        .map(([token]) => token),
  }
}

/** A new access token for an installation. */
export function mint(portal: Portal, { scopes, hidden }: Permit): string {
  const token = `C${portal.random.text(90)}`
  const grant: Grant = {
    kind: 'oauth',
    app: appId,
    scopes,
    hidden,
    revoked: false,
    expiresMs: portal.now() + portal.settings.accessTokenMs,
  }
  portal.note('token', token, grant)
  return token
}

export function newInstallation({ scopes, hidden }: Permit): Installation & Json {
  return { scopes, hidden, revoked: false, successor: null }
}

export function newRefreshToken(portal: Portal): string {
  return `na1-${uuid(portal.random)}`
}

/** The token that a request carries, or null. */
export function tokenOf(headers: IncomingHttpHeaders): string | null {
  const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ')
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : null
}

/** Throws 401 unless the token stands. */
export function authenticate(portal: Portal, headers: IncomingHttpHeaders): Grant {
  const token = tokenOf(headers)
  if (token === null) {
    throw new HubspotError(401, {
      message:
        'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details ' +
        'at https://developers.hubspot.com/docs/methods/auth/oauth-overview',
      category: 'INVALID_AUTHENTICATION',
    })
  }
  const grant = portal.notes('token').get(token) as Grant | undefined
  if (grant === undefined || grant.revoked) throw invalidToken()
  if (grant.expiresMs !== null && grant.expiresMs <= portal.now()) {
    throw expiredToken(grant.expiresMs, portal.now())
  }
  return grant
}

export function invalidToken(): HubspotError {
  return new HubspotError(401, {
    message:
      'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details ' +
      'at https://developers.hubspot.com/docs/methods/auth/oauth-overview',
    category: 'INVALID_AUTHENTICATION',
  })
}

export function expiredToken(expiredMs: number, nowMs: number): HubspotError {
  const age = Math.max(0, Math.floor((nowMs - expiredMs) / 1000))
  return new HubspotError(401, {
    message: `The OAuth token used to make this call expired ${age} second(s) ago.`,
    category: 'EXPIRED_AUTHENTICATION',
    context: { 'expire time': [new Date(expiredMs).toISOString()] },
  })
}

/** Throws 403 unless one of the scopes was granted. */
export function requireScope(grant: Grant, scopes: string[]): void {
  if (!scopes.some((scope) => grant.scopes.includes(scope))) throw missingScopes(scopes)
}

/** Throws 403 unless records of the type may be read or written. */
export function requireType(grant: Grant, type: ObjectType, access: 'read' | 'write'): void {
  requireScope(grant, access === 'read' ? type.scopes : writing(type.scopes))
  requireVisible(grant, type.name, type.singular)
}

/** Throws 403 when the collection is hidden from the token. */
export function requireVisible(grant: Grant, collection: string, noun: string): void {
  if (grant.hidden.includes(collection)) {
    throw forbidden(`You do not have permissions to view object type ${noun.toUpperCase()}`)
  }
}

function privateGrant(token: string, { scopes, hidden }: Permit): Grant {
  return {
    kind: 'private',
    app: token.slice(-12),
    scopes,
    hidden,
    revoked: false,
    expiresMs: null,
  }
}

/** Scopes that write where these read. */
function writing(scopes: string[]): string[] {
  return scopes.map((scope) => scope.replace(/\.read$/, '.write'))
}

/**
 * All that can be granted but `without`: a scope is taken away; of a collection the scopes that only it needs, or where others
 * need them too, the sight of it alone.
 */
function permitOf(portal: Portal, without: string[]): Permit {
  let scopes = [...new Set([...allScopes, ...writing(allScopes)])]
  const hidden: string[] = []
  for (const name of without) {
    const type = portal.typeOf(name)
    const own = collectionScopes[name] ?? type?.scopes ?? []
    const shared = portal
      .types()
      .some((other) => other.name !== name && other.scopes.some((scope) => own.includes(scope)))
    if (scopes.includes(name)) scopes = scopes.filter((scope) => scope !== name)
    else if (own.length === 0 || shared) hidden.push(name)
    else scopes = scopes.filter((scope) => !own.includes(scope))
  }
  return { scopes, hidden }
}

/** Collections beside the record types that have a scope of their own. */
const collectionScopes: Record<string, string[]> = {
  owners: ['crm.objects.owners.read'],
  lists: ['crm.lists.read'],
  schemas: ['crm.schemas.custom.read'],
}

function uuid(random: Random): string {
  const hex = (length: number) =>
    Array.from({ length }, () => random.int(0, 15).toString(16)).join('')
  return [8, 4, 4, 4, 12].map(hex).join('-')
}
