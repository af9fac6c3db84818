import type { IncomingHttpHeaders } from 'node:http'
import { createRandom } from '../kit/random.ts'
import type { Account } from './account.ts'
import { StripeError } from './errors.ts'

export type Keys = {
  /** May do everything. The same again after a restart. */
  secret: string
  /** A new restricted key: reads all but these resources (`customer`, `event`, `account`, …), writes nothing. */
  restricted(without?: string[]): string
  /** A new key that was given a time to live, now over. */
  expired(): string
  revoke(key: string): void
  /** A revoked key stands again. */
  restore(key: string): void
  /** From now on a restricted key may not read these, and may read all others. */
  permit(key: string, without: string[]): void
  /** Every key that was handed out and still stands. */
  list(): string[]
}

export type Grant = { without: string[] | null; state: 'live' | 'revoked' | 'expired' }

/** Keys of the account, remembered with it. */
export function createKeys(account: Account): Keys & { grant(key: string): Grant | null } {
  const random = createRandom(account.seed ^ 0x5eed)
  const mode = account.livemode ? 'live' : 'test'
  const secret = `sk_${mode}_51${account.id.slice(6)}${random.text(80)}`
  const fresh = (prefix: string, grant: Grant) => {
    const key = `${prefix}_${mode}_51${account.id.slice(6)}${account.random.text(80)}`
    account.note(`key ${key}`, grant)
    return key
  }
  const grant = (key: string): Grant | null => {
    const noted = account.notes.get(`key ${key}`) as Grant | undefined
    if (noted !== undefined) return noted
    return key === secret ? { without: null, state: 'live' } : null
  }
  const change = (key: string, part: Partial<Grant>) => {
    const old = grant(key)
    if (old === null) throw new Error('no such key')
    account.note(`key ${key}`, { ...old, ...part })
  }
  return {
    secret,
    restricted: (without = []) => fresh('rk', { without, state: 'live' }),
    expired: () => fresh('sk', { without: null, state: 'expired' }),
    revoke: (key) => change(key, { state: 'revoked' }),
    restore: (key) => change(key, { state: 'live' }),
    permit: (key, without) => change(key, { without }),
    list: () => {
      const noted = [...account.notes.keys()].filter((name) => name.startsWith('key '))
      const keys = new Set([secret, ...noted.map((name) => name.slice('key '.length))])
      return [...keys].filter((key) => grant(key)?.state === 'live')
    },
    grant,
  }
}

/** Bearer, or Basic with the key as user name; null: none. */
export function keyOf(headers: IncomingHttpHeaders): string | null {
  const [scheme = '', value = ''] = (headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() === 'basic') {
    return Buffer.from(value, 'base64').toString('utf8').split(':')[0] ?? null
  }
  return null
}

/** Throws 401 unless the key stands. */
export function authenticate(
  keys: ReturnType<typeof createKeys>,
  headers: IncomingHttpHeaders,
): { key: string; grant: Grant } {
  const key = keyOf(headers)
  if (key === null || key === '') {
    throw refused(
      'You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth ' +
        "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we " +
        'can help at https://support.stripe.com/.',
    )
  }
  if (key.startsWith('pk_')) {
    throw new StripeError(401, {
      code: 'secret_key_required',
      message:
        'This API call cannot be made with a publishable API key. Please use a secret API key.',
    })
  }
  const grant = keys.grant(key)
  if (grant?.state === 'live') return { key, grant }
  if (grant?.state === 'expired') {
    throw new StripeError(401, {
      code: 'api_key_expired',
      message: `Expired API Key provided: ${masked(key)}`,
    })
  }
  throw refused(`Invalid API Key provided: ${masked(key)}`)
}

export function refused(message: string): StripeError {
  return new StripeError(401, { message }, { 'www-authenticate': 'Bearer realm="Stripe"' })
}

/** Throws 403 unless the key may `read` or `write` the resource. */
export function authorize(
  account: Account,
  { key, grant }: { key: string; grant: Grant },
  resource: string,
  access: 'read' | 'write',
): void {
  if (grant.without === null) return
  if (access === 'read' && !grant.without.includes(resource)) return
  throw lacking(account, key, resource, access)
}

/** 403 that names the permission. */
export function lacking(
  account: Account,
  key: string,
  resource: string,
  access: string,
): StripeError {
  const permission =
    resource === 'account' ? 'rak_accounts_kyc_basic_read' : `rak_${resource}_${access}`
  return new StripeError(403, {
    message:
      `The provided key '${masked(key)}' does not have the required permissions for this endpoint on account ` +
      `'${account.id}'. Having the '${permission}' permission would allow this request to continue.`,
  })
}

/** Throws 403 when the request is made for another account. */
export function checkAccount(account: Account, headers: IncomingHttpHeaders, key: string): void {
  const named = (headers['stripe-context'] ?? headers['stripe-account']) as string | undefined
  if (named === undefined || named === account.id) return
  throw new StripeError(403, {
    code: 'account_invalid',
    message:
      `The provided key '${masked(key)}' does not have access to account '${named}' (or that account does not exist). ` +
      'Application access may have been revoked.',
  })
}

export function masked(key: string): string {
  const [kind, mode] = key.split('_')
  return `${kind}_${mode ?? ''}_${'*'.repeat(Math.max(0, key.length - 12))}${key.slice(-4)}`
}
