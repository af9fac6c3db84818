import { equal, holds } from './check.ts'
import { createCopy, idsOf, kept, listAll, readAll } from './copy.ts'
import { createContext } from './request.ts'
import { makeOne } from './shape.ts'
import type { Case } from './target.ts'

export const deletes: Case[] = [
  {
    name: 'an announced delete is told by the feed, and by nothing that is left out',
    async run({ connector }, upstream) {
      makeOne(upstream)
      const ctx = createContext(connector, upstream)
      for (const name of upstream.removable) {
        const feeds = Object.values(connector.feeds)
        const starts = await Promise.all(feeds.map((feed) => feed.start(ctx)))
        const id = Object.keys(upstream.objects(name))[0]!
        upstream.clock.advance(2_000)
        upstream.remove(name, id)
        upstream.clock.advance(upstream.removedWithinMs ?? 0)
        const copy = createCopy(connector, ctx)
        copy.apply(await listAll(ctx, connector.collections[name]!), true)
        for (const [at, feed] of feeds.entries()) {
          copy.apply(await readAll(ctx, feed, kept(starts[at]!)), false)
        }
        await copy.drain()
        equal(Object.keys(copy.of(name)).sort(), Object.keys(upstream.objects(name)).sort(), name)
      }
    },
  },
  {
    name: 'what is gone without a word is gone from the list, and refused by id',
    async run({ connector }, upstream) {
      makeOne(upstream)
      const ctx = createContext(connector, upstream)
      for (const [name, collection] of Object.entries(connector.collections)) {
        const id = Object.keys(upstream.objects(name))[0]
        if (id === undefined || !upstream.creatable.includes(name)) continue
        if (upstream.lasting?.includes(name)) continue
        upstream.vanish(name, id)
        holds(!idsOf(await listAll(ctx, collection)).includes(id), `${name} ${id} is not listed`)
        if (!collection.get) continue
        const { changes } = await collection.get(ctx, id)
        const { collection: of, id: known, raw, deleted } = changes[0]!
        equal([of, known, raw, deleted], [name, id, null, true], `${name} ${id} is gone`)
        equal(changes.length, 1, 'and nothing else is told')
      }
    },
  },
  {
    name: 'what never was is gone, whatever its id looks like',
    async run({ connector }, upstream) {
      const ctx = createContext(connector, upstream)
      for (const [name, collection] of Object.entries(connector.collections)) {
        for (const id of ['never_was', 'a b/c?d=e#f%20', '../v1', 'ünï']) {
          const looked = await collection.get?.(ctx, id)
          if (looked) equal(looked.changes[0]?.deleted, true, `${name} has no ${id}`)
        }
      }
    },
  },
]
