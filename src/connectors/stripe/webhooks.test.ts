import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { webhooks } from './webhooks.ts'

const SECRET = 'whsec_test_secret'
const SECOND = 1_700_000_000
const GOOD = '248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a'

test('the known signature is taken, beside others and in any place', () => {
  for (const header of [
    `t=${SECOND},v1=${GOOD}`,
    `t=${SECOND},v1=${'0'.repeat(64)},v1=${GOOD},v0=x`,
    `v1=${GOOD}, t=${SECOND}`,
  ]) {
    expect(verify(header)).toEqual([])
  }
})

test('without time, without v1, with another scheme, secret, time or body it is refused', () => {
  for (const header of [
    `v1=${GOOD}`,
    `t=${SECOND}`,
    `t=${SECOND},v0=${GOOD}`,
    `t=${SECOND}.0,v1=${GOOD}`,
    `t=${SECOND + 1},v1=${GOOD}`,
    `t=${SECOND},v1=${GOOD.toUpperCase()}`,
    `t=${SECOND},v1=${GOOD.slice(1)}`,
  ]) {
    expect(verify(header)).toBeNull()
  }
  expect(verify(`t=${SECOND},v1=${GOOD}`, { body: '{"id":"evt_2"}' })).toBeNull()
  expect(verify(`t=${SECOND},v1=${GOOD}`, { secret: 'test_secret' })).toBeNull()
})

test('S56: a webhook that is sent again later is refused: five minutes are the most, either way', () => {
  const header = `t=${SECOND},v1=${GOOD}`
  for (const seconds of [-300, 300])
    expect(verify(header, { second: SECOND + seconds })).toEqual([])
  for (const seconds of [-301, 301]) expect(verify(header, { second: SECOND + seconds })).toBeNull()
})

test('snapshot and thin events are hints at their object, a delete too', () => {
  const snapshot = {
    id: 'evt_1',
    type: 'customer.deleted',
    created: SECOND,
    data: { object: { id: 'cus_1', object: 'customer' } },
  }
  const thin = {
    id: 'evt_1',
    object: 'v2.core.event',
    related_object: { id: 'cus_1', type: 'customer' },
  }
  for (const event of [snapshot, thin]) {
    expect(signed(JSON.stringify(event))).toEqual([
      { collection: 'customer', id: 'cus_1', raw: null },
    ])
  }
})

test('what is signed but tells nothing is taken all the same', () => {
  for (const body of ['', 'no json', '[]', '{"related_object":{"id":"x","type":"unknown"}}']) {
    expect(signed(body)).toEqual([])
  }
})

function signed(body: string) {
  const signature = createHmac('sha256', SECRET).update(`${SECOND}.${body}`).digest('hex')
  return verify(`t=${SECOND},v1=${signature}`, { body })
}

function verify(
  header: string,
  {
    body = '{"id":"evt_1"}',
    secret = SECRET,
    second = SECOND,
  }: { body?: string; secret?: string; second?: number } = {},
) {
  const headers = { 'stripe-signature': header }
  return webhooks.verify({
    url: '',
    account: null,
    headers,
    body: new TextEncoder().encode(body),
    secret,
    nowMs: second * 1000,
  })
}
