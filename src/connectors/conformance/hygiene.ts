import { inspect } from 'node:util'
import type { Change } from '../connector.ts'
import { equal, failure, holds } from './check.ts'
import { kept, listAll, readAll } from './copy.ts'
import { make } from './paging.ts'
import { createContext } from './request.ts'
import { makeOne } from './shape.ts'
import type { Case, Fault } from './target.ts'

const NONE = { fromMs: null, toMs: null }
const FAULTS: Fault['kind'][] = [
  'unauthorized',
  'forbidden',
  'rate_limit',
  'server_error',
  'html',
  'cut',
]

/** Two looks are at two times. */
function untimed(changes: Change[]): Change[] {
  return changes.map(({ observedAt: _, ...change }) => change)
}

export const hygiene: Case[] = [
  {
    name: 'no secret stands in an error or in a cursor',
    async run({ connector }, upstream) {
      const kind = connector.credentialKinds.find(({ kind }) => kind === upstream.credential.kind)!
      const { properties } = upstream.credential
      const secrets = kind.secrets.flatMap((key) => (properties[key] as string | undefined) ?? [])
      holds(secrets.length > 0, 'there is a secret')
      const name = upstream.creatable[0]!
      make(upstream, name, 150, 50)
      const ctx = createContext(connector, upstream)
      const texts: string[] = []
      for (const page of await listAll(ctx, connector.collections[name]!))
        texts.push(inspect(page.cursor))
      for (const feed of Object.values(connector.feeds)) {
        for (const page of await readAll(ctx, feed, await feed.start(ctx)))
          texts.push(inspect(page.cursor))
      }
      for (const fault of FAULTS) {
        upstream.fault({ kind: fault, count: 1 })
        texts.push(inspect(await failure(() => connector.collections[name]!.list(ctx, null, NONE))))
      }
      for (const text of texts) {
        for (const secret of secrets) holds(!text.includes(secret), 'the secret is not told')
      }
    },
  },
  {
    name: 'the same cursor gives the same page, and a cursor survives JSON',
    async run({ connector }, upstream) {
      makeOne(upstream)
      const ctx = createContext(connector, upstream)
      for (const collection of Object.values(connector.collections)) {
        const [first, second] = [
          await collection.list(ctx, null, NONE),
          await collection.list(ctx, null, NONE),
        ]
        equal(
          [untimed(first.changes), first.cursor, first.done],
          [untimed(second.changes), second.cursor, second.done],
          'list',
        )
        equal(kept(first.cursor), first.cursor, 'the cursor of a list is JSON')
      }
      for (const feed of Object.values(connector.feeds)) {
        const start = await feed.start(ctx)
        equal(kept(start), start, 'the cursor of a feed is JSON')
        const before = JSON.stringify(start)
        const ids = (await feed.read(ctx, start)).changes.map(({ id }) => id)
        equal(
          (await feed.read(ctx, start)).changes.map(({ id }) => id),
          ids,
          'feed',
        )
        equal(JSON.stringify(start), before, 'a cursor that is read from is not changed')
      }
    },
  },
  {
    name: 'every collection says what it is: title, fields, refresh, deletes',
    async run({ connector }) {
      for (const [name, collection] of Object.entries(connector.collections)) {
        holds(/^[a-z][a-z0-9_]*$/.test(name), 'a name in snake_case', name)
        holds(collection.title.length > 0, `a title of ${name}`)
        holds(
          collection.fields.some(({ primaryKey }) => primaryKey),
          `a primary key of ${name}`,
        )
        const { feed } = collection.refresh
        holds(feed === undefined || feed in connector.feeds, `the feed of ${name} is there`)
        const evidence = collection.deletes.some((way) => way === 'gone' || way === 'sweep')
        holds(!evidence || collection.get !== undefined, `${name} can be asked for by id`)
      }
    },
  },
]
