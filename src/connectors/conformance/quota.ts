import { equal, holds } from './check.ts'
import { listAll, readAll } from './copy.ts'
import { make } from './paging.ts'
import { createContext } from './request.ts'
import { makeOne } from './shape.ts'
import type { Case } from './target.ts'

export const quota: Case[] = [
  {
    name: 'every request names a limit that there is, and none is sent twice',
    async run({ connector }, upstream) {
      makeOne(upstream)
      const known = new Set(connector.limits.map(({ bucket }) => bucket))
      const ctx = createContext(connector, upstream)
      await connector.identify(ctx)
      for (const [name, collection] of Object.entries(connector.collections)) {
        await listAll(ctx, collection)
        const id = Object.keys(upstream.objects(name))[0]
        if (id !== undefined) await collection.get?.(ctx, id)
      }
      for (const feed of Object.values(connector.feeds)) {
        await readAll(ctx, feed, await feed.start(ctx))
      }
      for (const { bucket, path } of ctx.requests) {
        holds(
          bucket === undefined || known.has(bucket),
          `${path} counts against a known limit`,
          bucket,
        )
      }
      equal(upstream.requests().length, ctx.requests.length, 'all went through ctx.request')
    },
  },
  {
    name: 'limits are sound, and one counts every call',
    async run({ connector }) {
      holds(
        connector.limits.some(({ bucket }) => bucket === null),
        'an overall limit',
      )
      for (const { allowed, intervalMs, maxConcurrent } of connector.limits) {
        holds(allowed > 0 && intervalMs > 0 && (maxConcurrent ?? 1) > 0, 'a limit allows something')
      }
    },
  },
  {
    name: 'a listing costs one request a page, and a quiet poll one',
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      make(upstream, name, 250, 50)
      const ctx = createContext(connector, upstream)
      const pages = await listAll(ctx, connector.collections[name]!)
      const listed = ctx.requests.filter(({ aside }) => !aside)
      equal(listed.length, pages.length, 'requests of the listing')
      upstream.clock.advance(3_600_000)
      for (const feed of Object.values(connector.feeds)) {
        const cursor = await feed.start(ctx)
        const before = ctx.requests.length
        const page = await feed.read(ctx, cursor)
        equal([page.done, ctx.requests.length - before], [true, 1], 'requests of the poll')
      }
    },
  },
]
