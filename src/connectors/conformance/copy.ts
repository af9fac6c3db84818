import { canonical } from '../../domain/rawJson.ts'
import type { Change, Collection, Connector, Context, Feed, Json, Page } from '../connector.ts'
import type { Upstream } from './target.ts'

/** A feed that goes on for so many pages never ends. */
const PAGES_MAX = 10_000

/** Through JSON and back, as every cursor is kept. */
export function kept(cursor: Json): Json {
  return JSON.parse(JSON.stringify(cursor)) as Json
}

/** Every page of a listing from `cursor` on. */
export async function listAll(
  ctx: Context,
  collection: Collection,
  from: { cursor?: Json; bounds?: { fromMs: number | null; toMs: number | null } } = {},
): Promise<Page[]> {
  const pages: Page[] = []
  let cursor = from.cursor ?? null
  for (;;) {
    const page = await collection.list(ctx, cursor, from.bounds ?? { fromMs: null, toMs: null })
    pages.push(page)
    if (page.done) return pages
    if (pages.length === PAGES_MAX) throw new Error('the listing ends')
    cursor = kept(page.cursor)
  }
}

/** Reads a feed until it has nothing more to tell now. */
export async function readAll(ctx: Context, feed: Feed, cursor: Json): Promise<Page[]> {
  const pages: Page[] = []
  let at = cursor
  for (;;) {
    const page = await feed.read(ctx, at)
    pages.push(page)
    if (page.done) return pages
    if (pages.length === PAGES_MAX) throw new Error('the feed ends')
    at = kept(page.cursor)
  }
}

export function idsOf(pages: Page[]): string[] {
  return pages.flatMap((page) => page.changes.map((change) => change.id))
}

type Row = { hash: string | null; deleted: boolean; observedAt: string }

/**
 * What the stream makes of changes, in a few lines: the later observation wins, a refused one with other content and every
 * hint are looked at by id.
 */
export function createCopy(connector: Connector, ctx: Context) {
  const rows = new Map<string, Row>()
  const touched = new Set<string>()

  const take = (change: Change, pageAt: string, listing: boolean): void => {
    const key = `${change.collection} ${change.id}`
    const collection = connector.collections[change.collection]
    if (!collection) return
    if (change.raw === null && !change.deleted) {
      touched.add(key)
      return
    }
    const observedAt = earlier(change.observedAt ?? pageAt, new Date(ctx.now()).toISOString())
    const old = rows.get(key)
    const hash = change.raw === null ? null : canonical(change.raw, collection.volatile ?? [])
    const next = { hash, deleted: change.deleted ?? false, observedAt }
    if (old && old.deleted && !next.deleted && listing) touched.add(key)
    else if (!old || Date.parse(old.observedAt) < Date.parse(observedAt)) rows.set(key, next)
    else if (old.hash !== hash && !listing) touched.add(key)
  }

  return {
    apply(pages: Page[], listing: boolean): void {
      for (const page of pages) {
        for (const change of page.changes) take(change, page.observedAt, listing)
      }
    },
    touched,
    /** Looks at every touched object by id. */
    async drain(): Promise<void> {
      for (const key of touched) {
        const [name = '', id = ''] = key.split(' ')
        const looked = await connector.collections[name]!.get!(ctx, id)
        touched.delete(key)
        for (const change of looked.changes) take(change, looked.observedAt, false)
      }
    },
    /** Ids of the objects that stand in the copy and are not deleted, with their content. */
    of(name: string): Record<string, string | null> {
      const own = [...rows].filter(([key, row]) => key.startsWith(`${name} `) && !row.deleted)
      return Object.fromEntries(own.map(([key, row]) => [key.slice(name.length + 1), row.hash]))
    },
  }
}

/** What the copy ought to hold of a collection. */
export function truth(connector: Connector, upstream: Upstream, name: string) {
  const volatile = connector.collections[name]!.volatile ?? []
  return Object.fromEntries(
    Object.entries(upstream.objects(name)).map(([id, text]) => [id, canonical(text, volatile)]),
  )
}

function earlier(a: string, b: string): string {
  return Date.parse(a) <= Date.parse(b) ? a : b
}
