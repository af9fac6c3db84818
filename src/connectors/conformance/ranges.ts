import type { Bounds, Collection } from '../connector.ts'
import { equal, holds } from './check.ts'
import { idsOf, kept, listAll } from './copy.ts'
import { make } from './paging.ts'
import { createContext } from './request.ts'
import type { Case, Target, Upstream } from './target.ts'

export const ranges: Case[] = [
  {
    name: 'ranges side by side hold every object exactly once, wherever they are cut',
    async run(target, upstream) {
      for (const [name, collection] of ranged(target, upstream)) {
        const startMs = upstream.clock.now()
        make(upstream, name, 130, 20)
        const ctx = createContext(target.connector, upstream)
        const cuts = [startMs, startMs + 999, startMs + 1_000, startMs + 2_001, startMs + 4_000]
        const found: string[] = []
        for (const bounds of sideBySide(cuts))
          found.push(...idsOf(await listAll(ctx, collection, { bounds })))
        equal(found.sort(), Object.keys(upstream.objects(name)).sort(), `all of ${name}`)
      }
    },
  },
  {
    name: 'a range holds nothing from outside',
    async run(target, upstream) {
      for (const [name, collection] of ranged(target, upstream)) {
        make(upstream, name, 40, 10)
        const [fromMs, toMs] = [upstream.clock.now() - 3_000, upstream.clock.now() - 1_000]
        const ctx = createContext(target.connector, upstream)
        const pages = await listAll(ctx, collection, { bounds: { fromMs, toMs } })
        if (collection.rangedBy !== undefined) continue
        for (const { value, id } of pages.flatMap((page) => page.changes)) {
          const createdMs = (collection.createdOf?.(value!) ?? NaN) / 1_000
          holds(createdMs >= fromMs && createdMs < toMs, `${name} ${id} was made in the range`)
        }
      }
    },
  },
  {
    name: 'a range that is cut while it is read loses nothing',
    async run(target, upstream) {
      const startMs = upstream.clock.now()
      for (const [name, collection] of ranged(target, upstream)) {
        make(upstream, name, 330, 25)
        const ctx = createContext(target.connector, upstream)
        const first = await collection.list(ctx, null, { fromMs: startMs, toMs: null })
        const midMs = Math.floor((startMs + (first.oldestMs ?? startMs)) / 2)
        const rest = first.done
          ? []
          : await listAll(ctx, collection, {
              cursor: kept(first.cursor),
              bounds: { fromMs: midMs, toMs: null },
            })
        const cut = await listAll(ctx, collection, { bounds: { fromMs: startMs, toMs: midMs } })
        const found = new Set(idsOf([first, ...rest, ...cut]))
        const lost = Object.keys(upstream.objects(name)).filter((id) => !found.has(id))
        equal(lost, [], `nothing of ${name} is lost`)
      }
    },
  },
  {
    name: 'oldestMs is true: nothing newer comes after it',
    async run(target, upstream) {
      for (const [name, collection] of ranged(target, upstream)) {
        make(upstream, name, 230, 15)
        const pages = await listAll(createContext(target.connector, upstream), collection)
        for (const [at, page] of pages.entries()) {
          const { oldestMs } = page
          if (oldestMs === undefined || collection.rangedBy !== undefined) continue
          for (const { value, id } of pages.slice(at + 1).flatMap((later) => later.changes)) {
            const createdMs = (collection.createdOf?.(value!) ?? 0) / 1_000
            holds(createdMs <= oldestMs, `${name} ${id} is not newer than the page before it`)
          }
        }
      }
    },
  },
]

/** Collections that can be cut into ranges and filled by hand. */
function ranged({ connector }: Target, upstream: Upstream): [string, Collection][] {
  return Object.entries(connector.collections).filter(
    ([name, collection]) => collection.ranges && upstream.thorough.includes(name),
  )
}

function sideBySide(cuts: number[]): Bounds[] {
  const ends = [null, ...cuts, null]
  return ends.slice(1).map((toMs, at) => ({ fromMs: ends[at] ?? null, toMs }))
}
