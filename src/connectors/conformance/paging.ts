import type { Collection } from '../connector.ts'
import { equal, holds } from './check.ts'
import { idsOf, kept, listAll } from './copy.ts'
import { createContext } from './request.ts'
import type { Case, Upstream } from './target.ts'

const CHANGES_MAX = 2_000
const NONE = { fromMs: null, toMs: null }

export const paging: Case[] = [
  {
    name: 'an empty collection ends with nothing',
    async run({ connector }, upstream) {
      const ctx = createContext(connector, upstream)
      const all = Object.entries(connector.collections)
      const empty = all.filter(([name]) => Object.keys(upstream.objects(name)).length === 0)
      holds(empty.length > all.length / 2, 'most collections of a new account are empty')
      for (const [name, collection] of empty) {
        const pages = await listAll(ctx, collection)
        equal(idsOf(pages), [], `${name} is empty`)
        holds(pages.length <= 3, `${name} ends after ${pages.length} pages`)
      }
    },
  },
  {
    name: 'each object comes once, on bounded pages, from wherever one goes on',
    async run({ connector }, upstream) {
      for (const name of upstream.thorough) {
        make(upstream, name, 230, 40)
        const collection = connector.collections[name]!
        const ctx = createContext(connector, upstream)
        const pages = await listAll(ctx, collection)
        const all = Object.keys(upstream.objects(name)).sort()
        equal(idsOf(pages).sort(), all, `all of ${name}, each once`)
        for (const [at, page] of pages.entries()) {
          holds(page.changes.length <= CHANGES_MAX, 'a page is bounded')
          if (page.done) continue
          const rest = await listAll(ctx, collection, { cursor: kept(page.cursor) })
          const both = [...idsOf(pages.slice(0, at + 1)), ...idsOf(rest)].sort()
          equal([...new Set(both)], all, `${name} from page ${at + 1} on`)
        }
      }
    },
  },
  {
    name: 'objects of one second are all listed',
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      make(upstream, name, 350, 350)
      const pages = await listAll(createContext(connector, upstream), connector.collections[name]!)
      equal(idsOf(pages).sort(), Object.keys(upstream.objects(name)).sort(), 'all of one second')
    },
  },
  {
    name: 'what is made while one reads hides nothing',
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      make(upstream, name, 250, 30)
      const before = Object.keys(upstream.objects(name))
      const found = await listWith(
        connector.collections[name]!,
        createContext(connector, upstream),
        () => make(upstream, name, 20, 7),
      )
      equal(
        before.filter((id) => !found.has(id)),
        [],
        'what was there is listed',
      )
    },
  },
  {
    name: 'what goes while one reads hides nothing, also where the cursor stood on it',
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      make(upstream, name, 450, 120)
      const collection = connector.collections[name]!
      const found = await listWith(collection, createContext(connector, upstream), (page) => {
        for (const id of page.slice(-3)) upstream.vanish(name, id)
      })
      const left = Object.keys(upstream.objects(name))
      equal(
        left.filter((id) => !found.has(id)),
        [],
        'what is still there is listed',
      )
    },
  },
]

/** Lists all, and lets something happen after every page. */
async function listWith(
  collection: Collection,
  ctx: ReturnType<typeof createContext>,
  happen: (ids: string[]) => void,
): Promise<Set<string>> {
  const found = new Set<string>()
  let cursor = null
  for (let done = false; !done;) {
    const page = await collection.list(ctx, cursor, NONE)
    for (const { id } of page.changes) found.add(id)
    happen(page.changes.map(({ id }) => id))
    cursor = kept(page.cursor)
    done = page.done
  }
  return found
}

/** `count` objects, `perSecond` in each second. */
export function make(upstream: Upstream, name: string, count: number, perSecond: number): void {
  for (let made = 1; made <= count; made++) {
    upstream.create(name)
    if (made % perSecond === 0) upstream.clock.advance(1_000)
  }
}
