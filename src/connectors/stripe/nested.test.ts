import { expect, test } from 'vitest'
import type { Context } from '../connector.ts'
import { complete, type Nested } from './nested.ts'

const LINES: Nested = { field: 'lines', address: '/v1/invoices/{id}/lines' }

const RAW =
  '{"id":"in_1", "lines" : {"data": [{"id": "il_0"}],\n "has_more": true, "url":"u"},"total":1.0}'

test('a list that was cut short is put whole into the text, and nothing else moves', async () => {
  const { ctx, asked } = scripted([
    '{"data":[{"id": "il_0"},{"id":"il_1","amount":1.0}],"has_more":true}',
    '{"data":[{"id":"il_2"}],"has_more":false}',
  ])
  const whole = await complete(ctx, item(RAW), [LINES], { requests: 5 })
  expect(whole?.raw).toBe(
    '{"id":"in_1", "lines" : {"data": [{"id": "il_0"},{"id":"il_1","amount":1.0},{"id":"il_2"}],\n "has_more": false, "url":"u"},"total":1.0}',
  )
  expect(whole?.value).toEqual(JSON.parse(whole!.raw))
  expect(asked).toEqual(['limit=100', 'limit=100&starting_after=il_1'])
})

test('a list that is whole costs nothing', async () => {
  const raw = '{"id":"in_1","lines":{"data":[],"has_more":false}}'
  const given = item(raw)
  expect(await complete(scripted([]).ctx, given, [LINES], { requests: 0 })).toBe(given)
  const none = item('{"id":"in_2","lines":null}')
  expect(await complete(scripted([]).ctx, none, [LINES], { requests: 0 })).toBe(none)
})

test('beyond the budget, or where the server has no such list, there is no whole object', async () => {
  const page = (id: string) => `{"data":[{"id":"${id}"}],"has_more":true}`
  const budget = { requests: 2 }
  expect(
    await complete(scripted([page('il_0'), page('il_1')]).ctx, item(RAW), [LINES], budget),
  ).toBeNull()
  expect(await complete(scripted([404]).ctx, item(RAW), [LINES], { requests: 9 })).toBeNull()
})

test.each([
  ['goes round in a circle', ['il_0', 'il_1', 'il_0']],
  ['says that there is more and shows nothing', ['il_0', '']],
])('a list that %s is an error, whatever the budget', async (_, ids) => {
  const pages = ids.map((id) => `{"data":[${id && `{"id":"${id}"}`}],"has_more":true}`)
  const whole = complete(scripted(pages).ctx, item(RAW), [LINES], { requests: Infinity })
  await expect(whole).rejects.toMatchObject({ kind: 'transient', code: 'endless-list' })
})

test('a child that goes while its list is read makes the list be read anew', async () => {
  const { ctx, asked } = scripted([
    '{"data":[{"id":"il_0"},{"id":"il_1"}],"has_more":true}',
    400,
    '{"data":[{"id":"il_0"},{"id":"il_2"}],"has_more":false}',
  ])
  const whole = await complete(ctx, item(RAW), [LINES], { requests: 9 })
  expect(JSON.parse(whole!.raw)).toMatchObject({
    lines: { data: [{ id: 'il_0' }, { id: 'il_2' }] },
  })
  expect(asked).toEqual(['limit=100', 'limit=100&starting_after=il_1', 'limit=100'])
})

function item(raw: string) {
  return { raw, value: JSON.parse(raw) as Record<string, unknown> }
}

/** Gives these bodies, or refusals, one after the other. */
function scripted(answers: (string | number)[]) {
  const asked: string[] = []
  const ctx: Context = {
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: () => 0,
    signal: new AbortController().signal,
    request: async ({ query = [] }) => {
      asked.push(query.map(([name, value]) => `${name}=${value}`).join('&'))
      const next = answers.shift()!
      const [status, body] = typeof next === 'number' ? [next, '{}'] : [200, next]
      return { status, headers: {}, body, observedAt: '2026-11-24T06:00:00.000000Z' }
    },
  }
  return { ctx, asked }
}
