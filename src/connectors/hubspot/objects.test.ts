import { expect, test } from 'vitest'
import { openTestPortal } from '../../../test/support/hubspotPortal.ts'
import type { HubspotSimulatorOptions } from '../../simulators/hubspot/simulator.ts'
import { idsOf, listAll, readAll } from '../conformance/copy.ts'
import { createContext } from '../conformance/request.ts'
import type { Change, Context, Page } from '../connector.ts'
import { hubspot } from './index.ts'

const contacts = hubspot.collections['contacts']!
const feed = hubspot.feeds['contacts']!
const whole = { fromMs: null, toMs: null }
const HOUR_MS = 3_600_000

async function open(options: HubspotSimulatorOptions = {}, through?: (body: string) => string) {
  const { simulator: portal, clock, url } = await openTestPortal(options)
  const properties = { access_token: portal.keys.secret }
  const credential = { kind: 'hubspot_private_app', properties }
  const upstream = { baseUrl: url, clock, credential }
  const ctx = createContext(hubspot, upstream, through === undefined ? {} : { through })
  return { portal, clock, ctx }
}

const changesOf = (pages: Page[]) => pages.flatMap((page) => page.changes)
const fate = ({ raw, deleted, erased }: Change) =>
  erased ? 'erased' : deleted ? 'deleted' : raw === null ? 'hint' : 'record'

function fatesOf(changes: Change[]): Record<string, string> {
  return Object.fromEntries(changes.map((change) => [change.id, fate(change)]))
}

for (const mergeShape of ['third', 'primary'] as const) {
  test(`a merge that keeps the ${mergeShape} id ends the merged ones with the survivor, also of merges before it`, async () => {
    const { portal, clock, ctx } = await open({ mergeShape })
    const [a, b, c] = [1, 2, 3].map(() => portal.create('contacts').id) as [string, string, string]
    clock.advance(60_000)
    const start = await feed.start(ctx)
    clock.advance(10_000)
    const between = portal.merge('contacts', a, b).id
    clock.advance(1_000)
    const survivor = portal.merge('contacts', between, c).id
    const fates = fatesOf(changesOf(await readAll(ctx, feed, start)))
    const gone = new Set([a, b, c, between])
    gone.delete(survivor)
    for (const id of gone) expect(fates[id], id).toBe('deleted')
    expect(fates[survivor]).toBe('record')
    const asked = await contacts.get!(ctx, b)
    expect(fatesOf(asked.changes)).toEqual({ [b]: 'deleted', [survivor]: 'record' })
  })
}

test('what is erased while the index still shows it is looked at by id, and its last state goes', async () => {
  let whenFound = () => {}
  const { portal, clock, ctx } = await open({}, (body) => {
    if (body.includes('"total":1')) whenFound()
    return body
  })
  const start = await feed.start(ctx)
  clock.advance(10_000)
  const { id } = portal.create('contacts')
  whenFound = () => portal.gdprDelete('contacts', id)
  expect(fatesOf(changesOf(await readAll(ctx, feed, start)))).toEqual({ [id]: 'hint' })
  expect(fatesOf((await contacts.get!(ctx, id)).changes)).toEqual({ [id]: 'erased' })
})

test('what was archived keeps its last state, and comes back when it is restored', async () => {
  const { portal, clock, ctx } = await open()
  const { id } = portal.create('contacts')
  const start = await feed.start(ctx)
  portal.archive('contacts', id)
  clock.advance(180_000)
  const pages = await readAll(ctx, feed, start)
  expect(fatesOf(changesOf(pages))).toEqual({ [id]: 'deleted' })
  expect(fatesOf((await contacts.get!(ctx, id)).changes)).toEqual({ [id]: 'deleted' })
  portal.restore('contacts', id)
  const after = await readAll(ctx, feed, pages.at(-1)!.cursor)
  expect(fatesOf(changesOf(after))).toEqual({ [id]: 'record' })
})

for (const [what, ours, date] of [
  ['a Date that is an hour ahead', 0, HOUR_MS],
  ['a Date that is an hour behind', 0, -HOUR_MS],
  ['a clock of ours that is three hours ahead', 3 * HOUR_MS, 0],
  ['a clock of ours that is three hours behind', -3 * HOUR_MS, 0],
] as const) {
  test(`where the feed begins, ${what} hides nothing that comes after`, async () => {
    const { portal, clock, ctx } = await open()
    const wrong: Context = { ...ctx, now: () => ctx.now() + ours }
    const start = await feed.start({
      ...wrong,
      request: async (request) => {
        const answer = await ctx.request(request)
        const dated = new Date(clock.now() + date).toUTCString()
        return { ...answer, headers: { ...answer.headers, date: dated } }
      },
    })
    clock.advance(10_000)
    const { id } = portal.create('contacts')
    clock.advance(10_000)
    const pages = await readAll(wrong, feed, start)
    expect(fatesOf(changesOf(pages))).toEqual({ [id]: 'record' })
  })
}

test('a position ahead of both clocks goes back to where it was sure, in the bin too, or has lost its place', async () => {
  const { portal, clock, ctx } = await open()
  const { id: binned } = portal.create('contacts')
  clock.advance(HOUR_MS)
  const start = (await feed.start(ctx)) as { at: number; looked: number; bin: object }
  const at = start.at + HOUR_MS
  const ahead = { ...start, at, base: at, deep: at, bin: { ...start.bin, fromMs: at } }
  clock.advance(10_000)
  const { id } = portal.create('contacts')
  portal.archive('contacts', binned)
  clock.advance(180_000)
  const pages = await readAll(ctx, feed, ahead)
  expect(fatesOf(changesOf(pages))).toEqual({ [id]: 'record', [binned]: 'deleted' })
  const unsure = { ...ahead, looked: start.looked + HOUR_MS }
  await expect(feed.read(ctx, unsure)).rejects.toMatchObject({ code: 'feed-expired' })
})

test('a listing whose cursor went stale is searched to its end from the last id on', async () => {
  const { portal, ctx } = await open()
  const ids = Array.from({ length: 450 }, () => portal.create('contacts').id)
  const first = await contacts.list(ctx, null, whole)
  portal.expireCursors()
  const rest = await listAll(ctx, contacts, { cursor: first.cursor })
  expect(idsOf([first, ...rest]).toSorted()).toEqual(ids.toSorted())
  expect(rest.length).toBe(2)
})

test('a cursor of associations or of the bin that went stale begins anew and loses nothing', async () => {
  const { portal, clock, ctx } = await open()
  const pairs = hubspot.collections['contacts_to_companies']!
  const start = await feed.start(ctx)
  const company = portal.create('companies').id
  const ids = Array.from({ length: 250 }, () => portal.create('contacts').id)
  for (const id of ids) portal.associate('contacts', id, 'companies', company)
  const first = await pairs.list(ctx, null, whole)
  portal.expireCursors()
  const rest = await listAll(ctx, pairs, { cursor: first.cursor })
  expect(new Set(idsOf(rest)).size).toBe(250)

  for (const id of ids) portal.archive('contacts', id)
  clock.advance(180_000)
  let page = await feed.read(ctx, start)
  const binned: Change[] = []
  while (binned.length === 0) {
    page = await feed.read(ctx, page.cursor)
    binned.push(...page.changes.filter(({ deleted }) => deleted === true))
  }
  portal.expireCursors()
  const pages = await readAll(ctx, feed, page.cursor)
  clock.advance(3_600_000)
  const later = await readAll(ctx, feed, pages.at(-1)!.cursor)
  const told = [...binned, ...changesOf([...pages, ...later])]
  expect(new Set(told.filter(({ deleted }) => deleted).map(({ id }) => id))).toEqual(new Set(ids))
})

test('where the names of the properties make an address too long they go into the body, page by page or from the start', async () => {
  const { portal, ctx } = await open()
  const ids = Array.from({ length: 120 }, () => portal.create('contacts').id)
  const before = await listAll(ctx, contacts)
  portal.settings.urlMax = 400
  const refused = await listAll(ctx, contacts)
  portal.settings.urlMax = 16_384
  for (let made = 0; made < 500; made++)
    portal.addProperty('contacts', { name: `a_property_with_a_long_name_${made}`, type: 'string' })
  portal.update('contacts', ids[0]!, { a_property_with_a_long_name_499: 'is there' })
  ctx.requests.length = 0
  const wide = await listAll(ctx, contacts)
  for (const pages of [before, refused, wide])
    expect(idsOf(pages).toSorted()).toEqual(ids.toSorted())
  const first = changesOf(wide).find(({ id }) => id === ids[0])
  expect(first!.raw).toContain('"a_property_with_a_long_name_499":"is there"')
  expect(ctx.requests.filter(({ answer }) => answer?.status === 414)).toEqual([])
})
