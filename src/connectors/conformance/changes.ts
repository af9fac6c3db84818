import type { Connector, Feed, Json } from '../connector.ts'
import { equal, equalRecords, holds } from './check.ts'
import { createCopy, kept, listAll, readAll, truth } from './copy.ts'
import { createContext, type ContextOptions } from './request.ts'
import type { Case, Target, Upstream } from './target.ts'

const CHANGES_MAX = 2_000

export const changes: Case[] = [
  {
    name: 'every announced change is seen',
    async run(target, upstream) {
      const copy = await follow(target, upstream)
      for (const name of upstream.creatable) upstream.create(name)
      await copy.look()
      for (const name of upstream.announced) {
        for (const id of Object.keys(upstream.objects(name))) upstream.change(name, id)
      }
      upstream.clock.advance(5_000)
      await copy.look()
      copy.check()
    },
  },
  {
    name: 'two changes in one second leave the last',
    async run(target, upstream) {
      const copy = await follow(target, upstream)
      for (const name of upstream.announced) {
        const id = Object.keys(upstream.objects(name))[0]!
        upstream.change(name, id)
        await copy.look()
        upstream.change(name, id)
        upstream.change(name, id)
        await copy.look()
      }
      copy.check()
    },
  },
  {
    name: 'an event that shows up late is seen within two minutes',
    async run(target, upstream) {
      const copy = await follow(target, upstream)
      upstream.lateBy(60_000)
      for (let round = 0; round < 12; round++) {
        for (const name of upstream.announced) {
          const id = Object.keys(upstream.objects(name))[round % 2]!
          upstream.change(name, id)
        }
        await copy.look()
        upstream.clock.advance(5_000)
      }
      for (let minute = 0; minute < 3; minute++) {
        upstream.clock.advance(61_000)
        await copy.look()
      }
      copy.check()
    },
  },
  ...[-120_000, 120_000].map((skewMs) => ({
    name: `a clock ${skewMs < 0 ? 'behind' : 'ahead'} by two minutes changes nothing`,
    async run(target: Target, upstream: Upstream) {
      const copy = await follow(target, upstream, { skewMs })
      for (let round = 0; round < 5; round++) {
        for (const name of upstream.announced) {
          const id = Object.keys(upstream.objects(name))[0]!
          upstream.change(name, id)
        }
        upstream.clock.advance(round * 700)
        await copy.look()
        await copy.list()
      }
      copy.check()
    },
  })),
  {
    name: 'no change is no news: no change and the same cursor',
    async run(target, upstream) {
      const copy = await follow(target, upstream)
      upstream.change(
        upstream.announced[0]!,
        Object.keys(upstream.objects(upstream.announced[0]!))[0]!,
      )
      await copy.look()
      upstream.clock.advance(1_800_000)
      await copy.look()
      const before = copy.cursors()
      upstream.clock.advance(90_000)
      const news = await copy.look()
      equal([news, copy.cursors()], [0, before], 'nothing moves')
    },
  },
  {
    name: 'thousands of changes come on bounded pages, and dying after any of them loses nothing',
    async run(target, upstream) {
      const copy = await follow(target, upstream)
      const name = upstream.creatable[0]!
      const before = new Set(Object.keys(upstream.objects(name)))
      for (let made = 0; made < 1_700; made++) {
        upstream.create(name)
        if (made % 400 > 250) upstream.clock.advance(3_000)
      }
      const starts = await copy.look()
      holds(starts >= 1_700, 'all are told of', starts)
      copy.check(name)
      const made = Object.keys(upstream.objects(name)).filter((id) => !before.has(id))
      for (const from of copy.past().filter((_, at) => at % 5 === 0)) {
        const again = createCopy(target.connector, copy.ctx)
        again.apply(await readAll(copy.ctx, from.feed, from.cursor), false)
        const told = new Set([
          ...copy.told(from.page),
          ...Object.keys(again.of(name)),
          ...hinted(again),
        ])
        equal(
          made.filter((id) => !told.has(id)),
          [],
          'from there on nothing is missing',
        )
      }
    },
  },
  {
    name: 'events in a shape of long ago are never records',
    async run(target, upstream) {
      const copy = await follow(target, upstream)
      upstream.oldEvents()
      for (const name of upstream.announced) {
        upstream.change(name, Object.keys(upstream.objects(name))[0]!)
      }
      await copy.look()
      copy.check()
    },
  },
]

type Past = { feed: Feed; cursor: Json; page: number }

/** A copy of the whole account, made after its feeds began, as the engine makes one. */
async function follow({ connector }: Target, upstream: Upstream, options: ContextOptions = {}) {
  for (const name of upstream.creatable) for (let made = 0; made < 2; made++) upstream.create(name)
  upstream.clock.advance(700_000)
  const ctx = createContext(connector, upstream, options)
  const copy = createCopy(connector, ctx)
  const feeds = await startAll(connector, ctx)
  const past: Past[] = []
  const told: string[][] = []
  const list = async (): Promise<void> => {
    for (const collection of Object.values(connector.collections)) {
      copy.apply(await listAll(ctx, collection), true)
    }
  }
  await list()
  return {
    ctx,
    list,
    /** Reads every feed to its end and looks at what is touched; how many changes there were. */
    async look(): Promise<number> {
      let count = 0
      for (const feed of feeds) {
        for (let done = false; !done;) {
          past.push({ feed: feed.feed, cursor: feed.cursor, page: told.length })
          const page = await feed.feed.read(ctx, feed.cursor)
          holds(page.changes.length <= CHANGES_MAX, 'a page is bounded', page.changes.length)
          copy.apply([page], false)
          told.push(page.changes.map(({ id }) => id))
          count += page.changes.length
          feed.cursor = kept(page.cursor)
          done = page.done
        }
      }
      await copy.drain()
      return count
    },
    cursors: () => feeds.map(({ cursor }) => cursor),
    past: () => past,
    /** Ids told of before that page. */
    told: (page: number) => told.slice(0, page).flat(),
    check(only?: string): void {
      const silent = Object.keys(connector.collections).filter((name) => !followed(connector, name))
      for (const name of only ? [only] : Object.keys(connector.collections)) {
        if (silent.includes(name)) continue
        equalRecords(copy.of(name), truth(connector, upstream, name), `the copy of ${name}`)
      }
    },
  }
}

/** The feed tells of all its changes. */
function followed(connector: Connector, name: string): boolean {
  const { feed, relist } = connector.collections[name]!.refresh
  return feed !== undefined && relist === undefined
}

async function startAll(connector: Connector, ctx: ReturnType<typeof createContext>) {
  return Promise.all(
    Object.values(connector.feeds).map(async (feed) => ({
      feed,
      cursor: kept(await feed.start(ctx)),
    })),
  )
}

function hinted(copy: ReturnType<typeof createCopy>): string[] {
  return [...copy.touched].map((key) => key.slice(key.indexOf(' ') + 1))
}
