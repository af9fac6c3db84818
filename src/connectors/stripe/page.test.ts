import { expect, test } from 'vitest'
import type { Context, Json, UpstreamAnswer } from '../connector.ts'
import { readPage, type Listed } from './page.ts'

const LISTED: Listed = { path: '/v1/things', created: 'created', filter: true }
const NONE = { fromMs: null, toMs: null }

test('bounds in ms become whole seconds, half-open', async () => {
  const { ctx, asked } = scripted([list([])])
  await readPage(ctx, LISTED, null, { fromMs: 1_001, toMs: 3_000 })
  expect(asked).toEqual(['limit=100&created[gte]=2&created[lt]=3'])
})

test('the cursor is the last id, and bounds may shrink under it', async () => {
  const { ctx, asked } = scripted([list([9, 8], true), list([7])])
  const first = await readPage(ctx, LISTED, null, NONE)
  expect([first.cursor, first.done, first.oldestMs]).toEqual([
    { after: 'id_8', last: 8 },
    false,
    8_000,
  ])
  const second = await readPage(ctx, LISTED, first.cursor, { fromMs: 5_000, toMs: null })
  expect(asked[1]).toBe('limit=100&created[gte]=5&starting_after=id_8')
  expect([second.cursor, second.done]).toEqual([null, true])
})

test.each([400, 404])(
  'where the object of the cursor is gone (%i) it goes on by time',
  async (status) => {
    const { ctx, asked } = scripted([refusal(status), list([8, 7], true), list([6])])
    const page = await readPage(
      ctx,
      LISTED,
      { after: 'id_8', last: 8 },
      { fromMs: 1_000, toMs: 60_000 },
    )
    expect(asked[1]).toBe('limit=100&created[gte]=1&created[lt]=9')
    expect(page.items.map(({ value }) => value['id'])).toEqual(['id_8', 'id_7'])
    expect(page.cursor).toEqual({ after: 'id_7', last: 7 })
  },
)

test('however often the object of the cursor goes in one second, the listing goes on', async () => {
  // a cursor of before, when that was counted
  let cursor: Json = { after: 'id_0', last: 8, restarts: 20 }
  for (let nth = 1; nth <= 30; nth++) {
    const { ctx, asked } = scripted([refusal(400), inOneSecond(nth, true)])
    const page = await readPage(ctx, LISTED, cursor, NONE)
    expect(asked[1]).toBe('limit=100&created[lt]=9')
    expect(page.cursor).toEqual({ after: `id_${nth}`, last: 8 })
    cursor = page.cursor
  }
  const { ctx } = scripted([inOneSecond(31, false)])
  expect((await readPage(ctx, LISTED, cursor, NONE)).done).toBe(true)
})

test('a server that refuses every id gives the same cursor again, by which a circle is known', async () => {
  const { ctx } = scripted([inOneSecond(1, true), refusal(400), inOneSecond(1, true)])
  const first = await readPage(ctx, LISTED, null, NONE)
  const second = await readPage(ctx, LISTED, first.cursor, NONE)
  expect(second.cursor).toEqual(first.cursor)
})

test('a list without a creation time begins again from its top', async () => {
  const { ctx, asked } = scripted([refusal(404), list([9])])
  const listed = { ...LISTED, created: null, filter: false }
  await readPage(ctx, listed, { after: 'id_8' }, NONE)
  expect(asked[1]).toBe('limit=100')
})

test('an empty page after a full one makes the last second be read once more, and only once', async () => {
  const { ctx, asked } = scripted([list([]), list([5]), list([])])
  const empty = await readPage(ctx, LISTED, { after: 'id_5', last: 5 }, NONE)
  expect([empty.cursor, empty.done]).toEqual([{ last: 5, again: 5 }, false])
  const again = await readPage(ctx, LISTED, empty.cursor, NONE)
  expect(asked[1]).toBe('limit=100&created[lt]=6')
  expect(again.done).toBe(true)
  const after = { after: 'id_5', last: 5, again: 5 }
  expect((await readPage(ctx, LISTED, after, NONE)).done).toBe(true)
})

test('a server that refuses the filter is read whole, and only what is in bounds is told', async () => {
  const { ctx, asked } = scripted([refusal(400), list([1, 2, 3], true), list([4, 5])])
  const bounds = { fromMs: 2_000, toMs: 5_000 }
  const first = await readPage(ctx, LISTED, null, bounds)
  const second = await readPage(ctx, LISTED, first.cursor, bounds)
  expect(asked[1]).toBe('limit=100')
  const items = [...first.items, ...second.items]
  expect(items.map(({ value }) => value['created'])).toEqual([2, 3, 4])
})

test('a page that is not newest first tells no oldest time', async () => {
  const { ctx } = scripted([list([1, 2])])
  expect(await readPage(ctx, LISTED, null, NONE)).not.toHaveProperty('oldestMs')
})

test('an empty page that says there is more is an error, never the end', async () => {
  const endless = { kind: 'transient', code: 'endless-list' }
  await expect(readPage(scripted([list([], true)]).ctx, LISTED, null, NONE)).rejects.toMatchObject(
    endless,
  )
  const { ctx } = scripted([list([], true), list([], true)])
  const empty = await readPage(ctx, LISTED, { after: 'id_5', last: 5 }, NONE)
  await expect(readPage(ctx, LISTED, empty.cursor, NONE)).rejects.toMatchObject(endless)
})

test('the listing goes on after the last object that has an id', async () => {
  const { ctx } = scripted([
    answer(200, { data: [{ id: 'id_9', created: 9 }, { created: 8 }], has_more: true }),
  ])
  expect(await readPage(ctx, LISTED, null, NONE)).toMatchObject({
    cursor: { after: 'id_9' },
    done: false,
  })
})

test('an answer that is no list is an error, never an empty list', async () => {
  for (const body of ['<html>', '[]', '{"data":null}', '{"data":[1]}', '{"object":"list"']) {
    const { ctx } = scripted([{ ...list([]), body }])
    await expect(readPage(ctx, LISTED, null, NONE)).rejects.toMatchObject({ kind: 'transient' })
  }
})

function list(seconds: number[], more = false): UpstreamAnswer {
  const data = seconds.map((created) => ({ id: `id_${created}`, created }))
  return answer(200, { object: 'list', data, has_more: more })
}

/** One object of the eighth second. */
function inOneSecond(nth: number, more: boolean): UpstreamAnswer {
  return answer(200, { data: [{ id: `id_${nth}`, created: 8 }], has_more: more })
}

function refusal(status: number): UpstreamAnswer {
  return answer(status, { error: { type: 'invalid_request_error' } })
}

function answer(status: number, body: unknown): UpstreamAnswer {
  return {
    status,
    headers: {},
    body: JSON.stringify(body),
    observedAt: '2026-11-24T06:00:00.000000Z',
  }
}

/** Gives these answers one after the other, and notes what was asked. */
function scripted(answers: UpstreamAnswer[]) {
  const asked: string[] = []
  const ctx: Context = {
    config: {},
    remember: async (_key, _maxAgeMs, load) => await load(),
    now: () => 0,
    signal: new AbortController().signal,
    request: async ({ query = [], accept = [] }) => {
      asked.push(query.map(([name, value]) => `${name}=${value}`).join('&'))
      const next = answers.shift()!
      if (next.status >= 300 && !accept.includes(next.status))
        throw new Error(`refused ${next.status}`)
      return next
    },
  }
  return { ctx, asked }
}
