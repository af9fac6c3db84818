import { expect, test } from 'vitest'
import { stripe } from './index.ts'

const kind = stripe.credentialKinds[0]!
const MODERN = `sk_live_51AbCdEfGhIjKlMnO${'x'.repeat(82)}`

test('a key is taken under either name, and under one only', () => {
  expect(kind.properties.safeParse({ secret: MODERN }).success).toBe(true)
  expect(kind.properties.safeParse({ secret_key: MODERN }).success).toBe(true)
  for (const properties of [
    {},
    { secret: MODERN, secret_key: MODERN },
    { secret: '' },
    { secret: 'sk with spaces' },
    { secret: 'sk_test_\r\nx: y' },
    { secret: MODERN, other: 1 },
  ]) {
    expect(kind.properties.safeParse(properties).success).toBe(false)
  }
})

test('requests carry the key and the one API version', () => {
  expect(kind.auth({ secret_key: MODERN })).toEqual({
    authorization: `Bearer ${MODERN}`,
    'stripe-version': '2026-10-28.endive',
  })
  expect(kind.baseUrl({})).toBe('https://api.stripe.com')
})

test('the key tells the mode by its prefix, where it has one', () => {
  const modes = [
    'sk_live_1234',
    'rk_live_1234',
    'sk_test_1234',
    'rk_test_1234',
    'sk_org_1234',
    '1234',
  ]
  expect(modes.map((secret) => kind.livemode!({ secret }))).toEqual([
    true,
    true,
    false,
    false,
    null,
    null,
  ])
})

test('two keys of one account share its id, an old key is known by a hash that tells nothing of it', () => {
  const restricted = MODERN.replace('sk_', 'rk_').replace(/x+$/, 'y'.repeat(82))
  expect(kind.fallbackAccount({ secret: MODERN })).toBe('acct_1AbCdEfGhIjKlMnO')
  expect(kind.fallbackAccount({ secret: restricted })).toBe('acct_1AbCdEfGhIjKlMnO')
  const old = 'sk_test_BQokikJOvBiI2HlWgH4olfQ2'
  expect(kind.fallbackAccount({ secret: old })).toMatch(/^key_[\w-]{22}$/)
  expect(kind.fallbackAccount({ secret: old })).not.toContain(old.slice(8, 16))
})
