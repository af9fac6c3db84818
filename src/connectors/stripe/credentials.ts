import { z } from 'zod'
import { AppError } from '../../domain/error.ts'
import type { Context, CredentialKind, Identity } from '../connector.ts'
import { asText, readItems, readObject } from '../kit/answer.ts'
import { fingerprint } from '../kit/crypto.ts'
import { errorOf, refused } from './errors.ts'
import { API_VERSION } from './events.ts'

const key = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{8,255}$/, 'a Stripe key, as the Dashboard shows it')

/** Under either name, as both are in use. */
const secret = { secret: key.optional(), secret_key: key.optional() }

const hasOne = (given: Record<string, unknown>) =>
  (given['secret'] === undefined) !== (given['secret_key'] === undefined)

const one = { message: 'exactly one of `secret` and `secret_key` is needed', path: ['secret'] }

const secretKey = z.strictObject(secret).refine(hasOne, one)
const accessToken = z
  .strictObject({ ...secret, stripe_user_id: z.string().optional() })
  .refine(hasOne, one)

/** A secret or restricted key of one account, and the access token of a connected account (Connect OAuth), which acts like one. */
export const credentialKinds: CredentialKind[] = [
  kind('stripe_key', 'Secret or restricted key', secretKey),
  kind('stripe_oauth2', 'Access token of a connected account', accessToken),
]

function kind(name: string, title: string, properties: z.ZodObject): CredentialKind {
  return {
    kind: name,
    title,
    properties,
    secrets: ['secret', 'secret_key'],
    baseUrl: () => 'https://api.stripe.com',
    auth: (given) => ({
      authorization: `Bearer ${secretOf(given)}`,
      'stripe-version': API_VERSION,
    }),
    fallbackAccount: (given) => accountOf(secretOf(given)),
    livemode: (given) => modeOf(secretOf(given)),
  }
}

/**
 * `GET /v1/account`, and the mode from `GET /v1/balance`, the smallest answer that tells it. A restricted key may be
 * refused both, which is no fault: then the mode is read off an event, else taken for a sandbox, whose limits are the lower.
 */
export async function identify(ctx: Context): Promise<Identity> {
  const answer = await ctx.request({
    path: '/v1/account',
    bucket: 'GET /v1/account',
    accept: [403, 404],
  })
  if (answer.status === 403 && errorOf(answer.body)?.code === 'account_invalid') {
    throw refused({ ...answer, path: '/v1/account' })
  }
  const livemode = (await modeOfBalance(ctx)) ?? (await modeOfEvents(ctx)) ?? false
  if (answer.status !== 200) return { account: null, name: null, livemode }
  const { value } = readObject(answer)
  return { account: asText(value['id']), name: nameOf(value), livemode }
}

async function modeOfBalance(ctx: Context): Promise<boolean | null> {
  const answer = await ctx.request({
    path: '/v1/balance',
    bucket: 'GET /v1/balance',
    accept: [403, 404],
  })
  return answer.status === 200 ? asMode(readObject(answer).value['livemode']) : null
}

async function modeOfEvents(ctx: Context): Promise<boolean | null> {
  const answer = await ctx.request({
    path: '/v1/events',
    query: [['limit', '1']],
    bucket: 'GET /v1/events',
    accept: [403, 404],
  })
  if (answer.status !== 200) return null
  return asMode(readItems(readObject(answer), 'data')[0]?.value['livemode'])
}

function asMode(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null
}

function nameOf(account: Record<string, unknown>): string | null {
  const profile = account['business_profile'] as { name?: unknown } | null | undefined
  const settings = account['settings'] as
    | { dashboard?: { display_name?: unknown } }
    | null
    | undefined
  return (
    asText(profile?.name) ?? asText(settings?.dashboard?.display_name) ?? asText(account['email'])
  )
}

function secretOf(properties: Record<string, unknown>): string {
  const secret = asText(properties['secret']) ?? asText(properties['secret_key'])
  if (secret === null) throw new AppError('invalid', 'The Stripe credential has no `secret`.')
  return secret.trim()
}

/** `sk_live_…` and `rk_live_…` are live; other forms tell nothing. */
function modeOf(secret: string): boolean | null {
  const mode = /^[sr]k_(live|test)_/.exec(secret)?.[1]
  return mode === undefined ? null : mode === 'live'
}

/**
 * Keys made since about 2019 carry their account's id (`sk_live_5` + `1Abc…` of `acct_1Abc…`), which is no secret. Others
 * are known by a hash of the key.
 */
function accountOf(secret: string): string {
  const id = /^[sr]k_(?:live|test)_5(1[A-Za-z0-9]{15})[A-Za-z0-9]{40,}$/.exec(secret)?.[1]
  return id === undefined ? `key_${fingerprint(secret).slice(0, 22)}` : `acct_${id}`
}
