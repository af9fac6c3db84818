import { expect, test } from 'vitest'
import { classify } from './classify.ts'

const connector = { title: 'Acme' }

test.each([
  [301, 'permanent'],
  [400, 'permanent'],
  [401, 'auth'],
  [403, 'permanent'],
  [404, 'permanent'],
  [408, 'transient'],
  [409, 'transient'],
  [418, 'permanent'],
  [425, 'transient'],
  [429, 'rate_limited'],
  [500, 'transient'],
  [502, 'transient'],
  [503, 'transient'],
  [504, 'transient'],
  [599, 'transient'],
] as const)('status %i is %s', (status, kind) => {
  expect(classify(connector, { status, headers: {}, body: '', path: '/v1/things' }, 0).kind).toBe(
    kind,
  )
})

test("a connector's own facts come first", () => {
  const classified = classify(
    {
      title: 'Acme',
      classify: ({ body }) => (body === 'closed' ? { kind: 'auth', message: 'Closed.' } : null),
    },
    { status: 403, headers: {}, body: 'closed', path: '/' },
    0,
  )
  expect(classified).toEqual({ kind: 'auth', message: 'Closed.' })
})

test('a wait that the answer names counts, unless the connector knows a better one', () => {
  const answer = { status: 503, headers: { 'retry-after': '7' }, body: '', path: '/' }
  expect(classify(connector, answer, 0).retryAfterMs).toBe(7000)
  const knows = {
    title: 'Acme',
    classify: () => ({ kind: 'transient', message: 'Busy.', retryAfterMs: 500 }) as const,
  }
  expect(classify(knows, answer, 0).retryAfterMs).toBe(500)
})

test("neither the provider's words nor the query are in the message", () => {
  for (const status of [301, 400, 401, 403, 404, 409, 429, 500]) {
    const { message } = classify(
      connector,
      { status, headers: {}, body: 'sk_canary', path: '/v1/things?key=sk_canary' },
      0,
    )
    expect(message).not.toContain('sk_canary')
  }
})
