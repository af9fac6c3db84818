import { expect, test } from 'vitest'
import type { Answer } from '../../../test/support/answer.ts'
import { openTestPortal, startMs } from '../../../test/support/hubspotPortal.ts'

const contacts = '/crm/v3/objects/contacts'

type Portal = Awaited<ReturnType<typeof openTestPortal>>

async function grant(
  { url, simulator }: Portal,
  form: Record<string, string>,
  version = 'v1',
): Promise<Answer> {
  const { clientId, clientSecret } = simulator.keys.oauth
  const answer = await fetch(`${url}/oauth/${version}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...form }),
  })
  return { status: answer.status, body: await answer.json() }
}

const refresh = (portal: Portal, token: string, version?: string) =>
  grant(portal, { grant_type: 'refresh_token', refresh_token: token }, version)

test('no token, a wrong one and a revoked one are 401', async () => {
  const { simulator, get } = await openTestPortal()
  const revoked = simulator.keys.restricted()
  simulator.keys.revoke(revoked)
  for (const token of [null, 'pat-na1-nope', revoked]) {
    const { status, body } = await get(contacts, token)
    expect([status, body.category]).toEqual([401, 'INVALID_AUTHENTICATION'])
  }
  simulator.keys.restore(revoked)
  expect((await get(contacts, revoked)).status).toBe(200)
})

test('an access token lives half an hour, and its end is told with its age', async () => {
  const portal = await openTestPortal()
  const { clock, simulator, get } = portal
  const answer = await refresh(portal, simulator.keys.oauth.refreshToken)
  expect(answer.body).toEqual({
    token_type: 'bearer',
    access_token: expect.any(String),
    refresh_token: simulator.keys.oauth.refreshToken,
    expires_in: 1800,
  })
  const token = answer.body.access_token as string
  expect((await get(contacts, token)).status).toBe(200)
  const info = await get(`/oauth/v1/access-tokens/${token}`, null)
  expect(info.body).toMatchObject({ hub_id: Number(simulator.accountId), token_type: 'access' })
  clock.advance(1_875_000)
  expect(await get(contacts, token)).toMatchObject({
    status: 401,
    body: {
      category: 'EXPIRED_AUTHENTICATION',
      message: 'The OAuth token used to make this call expired 75 second(s) ago.',
      context: { 'expire time': [new Date(startMs + 1_800_000).toISOString()] },
    },
  })
  expect((await get(`/oauth/v1/access-tokens/${token}`, null)).status).toBe(404)
})

test('a refused refresh is invalid_grant, a wrong client something else', async () => {
  const portal = await openTestPortal()
  const { simulator } = portal
  const { refreshToken } = simulator.keys.oauth
  simulator.keys.revoke(refreshToken)
  expect(await refresh(portal, refreshToken)).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant', status: 'BAD_REFRESH_TOKEN' },
  })
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_secret: 'no' }
  expect((await grant(portal, form)).body.status).toBe('BAD_CLIENT_SECRET')
  expect((await grant(portal, { grant_type: 'password' })).body.status).toBe('BAD_GRANT_TYPE')
})

test('rotating refresh tokens are good for one use, or a little longer with grace', async () => {
  const portal = await openTestPortal({ rotateRefreshTokens: true })
  const { clock, simulator } = portal
  const first = simulator.keys.oauth.refreshToken
  const second = (await refresh(portal, first)).body.refresh_token as string
  expect(second).not.toBe(first)
  expect((await refresh(portal, first)).status).toBe(400)
  simulator.settings.refreshGraceMs = 5000
  expect((await refresh(portal, first)).body.refresh_token).toBe(second)
  clock.advance(5000)
  expect((await refresh(portal, first)).body.error).toBe('invalid_grant')
  expect((await refresh(portal, second)).status).toBe(200)
})

test('a refresh that is answered into a broken connection has happened', async () => {
  const portal = await openTestPortal({ rotateRefreshTokens: true })
  const { simulator } = portal
  const { refreshToken } = simulator.keys.oauth
  simulator.faults.add({ kind: 'reset', path: '/oauth/v1/token', count: 1 })
  await expect(refresh(portal, refreshToken)).rejects.toThrow()
  expect((await refresh(portal, refreshToken)).status).toBe(400)
})

test('a code is good for one installation; the newer token endpoint tells the portal and the scopes', async () => {
  const portal = await openTestPortal()
  const code = portal.simulator.keys.code(['crm.lists.read'])
  const form = { grant_type: 'authorization_code', code, redirect_uri: 'https://a.example' }
  const first = await grant(portal, form, '2026-09')
  expect(first.body.hub_id).toBe(Number(portal.simulator.accountId))
  expect(first.body.scopes).not.toContain('crm.lists.read')
  expect((await grant(portal, form)).body.status).toBe('BAD_AUTH_CODE')
  const again = await refresh(portal, first.body.refresh_token as string, 'v3')
  expect(again.body.token_use).toBe('access_token')
})

test('a missing scope is named, and a hidden collection is forbidden without one', async () => {
  const { simulator, get, post } = await openTestPortal()
  const narrow = simulator.keys.restricted(['deals', 'calls', 'owners'])
  const refused = await get('/crm/v3/objects/deals', narrow)
  expect(refused).toMatchObject({
    status: 403,
    body: {
      category: 'MISSING_SCOPES',
      errors: [{ context: { requiredGranularScopes: ['crm.objects.deals.read'] } }],
    },
  })
  expect((await post('/crm/v3/objects/deals/search', {}, narrow)).status).toBe(403)
  const forbidden = await get('/crm/v3/objects/calls', narrow)
  expect([forbidden.status, forbidden.body.category]).toEqual([403, 'FORBIDDEN'])
  expect((await get('/crm/v3/owners', narrow)).body.category).toBe('MISSING_SCOPES')
  expect((await get('/crm/v3/objects/notes', narrow)).status).toBe(200)
  const pair = '/crm/v4/associations/deals/contacts/labels'
  expect([(await get(pair, narrow)).status, (await get(pair)).status]).toEqual([403, 200])
})

test('a portal whose trial is over answers 403 to everything but the token endpoint', async () => {
  const portal = await openTestPortal({ suspended: true })
  const { simulator, get, post } = portal
  for (const path of [contacts, '/crm/v3/owners', '/account-info/v3/details']) {
    expect(await get(path)).toMatchObject({ status: 403, body: { category: 'FORBIDDEN' } })
  }
  expect((await post(`${contacts}/search`, {})).status).toBe(403)
  expect((await refresh(portal, simulator.keys.oauth.refreshToken)).status).toBe(200)
})

test('ten seconds hold so many requests of one app, with the remaining ones in the headers', async () => {
  const { clock, simulator, get } = await openTestPortal({ limits: true, burstPer10s: 5 })
  const remaining: (string | null)[] = []
  for (let turn = 0; turn < 5; turn++) {
    remaining.push((await get(contacts)).headers.get('x-hubspot-ratelimit-remaining'))
    clock.advance(1000)
  }
  expect(remaining).toEqual(['4', '3', '2', '1', '0'])
  const refused = await get(contacts)
  expect(refused).toMatchObject({
    status: 429,
    body: { policyName: 'TEN_SECONDLY_ROLLING', errorType: 'RATE_LIMIT' },
  })
  expect(refused.headers.get('x-hubspot-ratelimit-max')).toBe('5')
  expect(refused.headers.get('x-hubspot-ratelimit-interval-milliseconds')).toBe('10000')
  expect((await get(contacts, simulator.keys.restricted())).status).toBe(200)
  clock.advance(5000)
  expect((await get(contacts)).status).toBe(200)
})

test('search has five requests a second for the portal, and no rate headers', async () => {
  const { clock, simulator, post } = await openTestPortal({ limits: true })
  const other = simulator.keys.restricted()
  const statuses: number[] = []
  for (let turn = 0; turn < 6; turn++) {
    const { status, headers } = await post(`${contacts}/search`, {}, turn % 2 ? other : undefined)
    statuses.push(status)
    expect([...headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([])
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
  const refused = await post('/crm/v3/objects/deals/search', {})
  expect(refused.body).toMatchObject({
    policyName: 'SECONDLY',
    message: 'You have reached your secondly limit.',
  })
  clock.advance(1000)
  expect((await post(`${contacts}/search`, {})).status).toBe(200)
})

test("the day's requests are shared by private apps and begin anew at the portal's midnight", async () => {
  const { clock, simulator, get } = await openTestPortal({
    limits: true,
    daily: 3,
    timeZone: 'Asia/Kolkata',
  })
  const other = simulator.keys.restricted()
  const answers = [await get(contacts), await get(contacts, other), await get(contacts)]
  expect(answers.map(({ headers }) => headers.get('x-hubspot-ratelimit-daily-remaining'))).toEqual([
    '2',
    '1',
    '0',
  ])
  expect(await get(contacts, other)).toMatchObject({ status: 429, body: { policyName: 'DAILY' } })
  const oauth = await get(
    '/account-info/v3/api-usage/daily/private-apps',
    simulator.keys.accessToken(),
  )
  expect(oauth.status).toBe(200)
  expect(oauth.headers.has('x-hubspot-ratelimit-daily')).toBe(false)
  const [usage] = oauth.body.results
  expect(usage).toMatchObject({
    usageLimit: 3,
    currentUsage: 3,
    resetsAt: '2026-11-24T18:30:00.000Z',
  })
  clock.advance(Date.parse(usage.resetsAt) - startMs - 1000)
  expect((await get(contacts)).status).toBe(429)
  clock.advance(1000)
  expect((await get(contacts)).status).toBe(200)
})

test('account details name the portal and its time zone', async () => {
  const { simulator, get } = await openTestPortal({ timeZone: 'America/New_York' })
  expect((await get('/account-info/v3/details')).body).toMatchObject({
    portalId: Number(simulator.accountId),
    timeZone: 'America/New_York',
    utcOffset: '-05:00',
    utcOffsetMilliseconds: -18_000_000,
  })
})

test('faults are told as HubSpot tells them, those of the edge as a page', async () => {
  const { simulator, get } = await openTestPortal()
  const play = async (fault: Parameters<typeof simulator.faults.add>[0]) => {
    simulator.faults.add({ ...fault, count: 1 })
    return await get(contacts)
  }
  expect((await play({ kind: 'rate_limit', code: 'DAILY' })).body.policyName).toBe('DAILY')
  expect((await play({ kind: 'rate_limit' })).body.message).toBe(
    'You have reached your ten_secondly_rolling limit.',
  )
  const moved = await play({ kind: 'server_error', status: 477, retryAfter: 3600 })
  expect([moved.status, moved.headers.get('retry-after')]).toEqual([477, '3600'])
  const edge = await play({ kind: 'server_error', status: 524 })
  expect([edge.status, String(edge.body).slice(0, 6)]).toEqual([524, '<html>'])
  const expired = await play({ kind: 'unauthorized', code: 'EXPIRED_AUTHENTICATION' })
  expect([expired.status, expired.body.category]).toEqual([401, 'EXPIRED_AUTHENTICATION'])
  expect((await play({ kind: 'forbidden' })).body.category).toBe('MISSING_SCOPES')
  expect((await play({ kind: 'forbidden', code: 'FORBIDDEN' })).body.category).toBe('FORBIDDEN')
})
