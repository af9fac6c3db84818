import { expect, test } from 'vitest'
import { openTestPortal, startMs } from '../../../test/support/hubspotPortal.ts'
import type { Context } from '../connector.ts'
import { identify } from './credentials.ts'
import { classify } from './errors.ts'

const path = '/crm/v3/objects/contacts'
const hourMs = 3_600_000

/** What an answer of the portal means to us. */
async function meaning(
  portal: Awaited<ReturnType<typeof openTestPortal>>,
  zone: string | undefined,
) {
  const { status, headers, body } = await portal.get(path)
  return classify(
    { status, headers: Object.fromEntries(headers), body: JSON.stringify(body), path },
    { config: zone === undefined ? {} : { time_zone: zone }, nowMs: startMs },
  )!
}

// the test's clock stands at noon, UTC
const zones: [zone: string | undefined, hours: number][] = [
  ['America/New_York', 17],
  ['Asia/Tokyo', 3],
  ['Asia/Kathmandu', 6.25],
  ['Etc/GMT+12', 24],
  ['Nowhere/At_All', 12],
  [undefined, 12],
]

for (const [zone, hours] of zones) {
  test(`a day that is spent lasts until midnight in ${zone ?? 'a zone that nobody told'}, for all requests`, async () => {
    const timeZone = zone === 'Nowhere/At_All' ? 'UTC' : (zone ?? 'UTC')
    const portal = await openTestPortal({ limits: true, daily: 1, timeZone })
    await portal.get(path)
    const known = await meaning(portal, zone)
    expect(known).toMatchObject({
      kind: 'rate_limited',
      retryAfterMs: hours * hourMs,
      bucket: null,
      message: expect.stringContaining(`begin anew at its midnight (${zone ?? 'UTC'})`),
    })
    portal.clock.advance(known.retryAfterMs! - 1)
    expect((await portal.get(path)).status).toBe(429)
    portal.clock.advance(1)
    expect((await portal.get(path)).status).toBe(200)
  })
}

test('searches have a second of their own, everything else ten', async () => {
  const portal = await openTestPortal({ limits: true, searchPerSecond: 1, burstPer10s: 1 })
  const search = () => portal.post(`${path}/search`, {})
  await search()
  const refused = await search()
  const asked = { status: 429, headers: {}, body: JSON.stringify(refused.body) }
  expect(classify({ ...asked, path: `${path}/search` })).toMatchObject({
    bucket: 'search',
    retryAfterMs: 1_000,
  })
  await portal.get(path)
  expect(await meaning(portal, undefined)).toMatchObject({ bucket: null, retryAfterMs: 10_000 })
})

test('a page instead of the envelope comes from something in between, and is tried again', async () => {
  for (const status of [400, 403, 404]) {
    const answer = { status, headers: {}, body: '<html>Forbidden</html>', path }
    expect(classify(answer)).toMatchObject({
      kind: 'transient',
      message: expect.stringContaining(`between here and HubSpot answered ${path} with`),
    })
    expect(classify({ ...answer, body: '{}' })?.kind).toBe('permanent')
  }
  const page = { status: 403, headers: {}, body: '<html>', observedAt: '' }
  const ctx = { request: async () => page } as unknown as Context
  await expect(identify(ctx)).rejects.toMatchObject({ kind: 'transient' })
})

test('a suspended portal is told from a scope that is missing', async () => {
  const portal = await openTestPortal({ suspended: true })
  expect(await meaning(portal, undefined)).toMatchObject({
    kind: 'permanent',
    message: expect.stringContaining('a trial has ended'),
  })
})
