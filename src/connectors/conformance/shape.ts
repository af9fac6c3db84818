import { canonical, elements, member } from '../../domain/rawJson.ts'
import type { Change } from '../connector.ts'
import { equal, equalRecords, holds } from './check.ts'
import { listAll } from './copy.ts'
import { createContext } from './request.ts'
import type { Case, Upstream } from './target.ts'

/** What a re-print would change: NUL, an astral character, half of one, a number of 64 bits, a float that is whole. */
const EXACT = '"zz_exact": ["\\u0000", "😀", "\\ud800", 9007199254740993, 1.0, 1e400, "\\u00e9"]'

export const shape: Case[] = [
  {
    name: 'every collection lists its objects, in the text of the answer, with id and time',
    async run({ connector }, upstream) {
      makeOne(upstream)
      for (const [name, collection] of Object.entries(connector.collections)) {
        const ctx = createContext(connector, upstream)
        const changes = (await listAll(ctx, collection)).flatMap((page) => page.changes)
        const bodies = ctx.requests.map(({ answer }) => answer!.body).join('')
        for (const change of changes) {
          const { raw, value, id } = change
          equal(change.collection, name, 'a listing tells of its own collection')
          holds(raw !== null, `${id} has a text`)
          const own = collection.composed === true || bodies.includes(raw!)
          holds(own, `the text of ${id} is the provider's own`)
          equal(value, JSON.parse(raw!), 'value is the text, parsed')
          const created = collection.createdOf?.(value!) ?? null
          holds(created === null || Number.isSafeInteger(created), 'times are whole microseconds')
        }
        const known = Object.keys(upstream.objects(name)).sort()
        equal(changes.map(({ id }) => id).sort(), known, `all of ${name} is listed`)
      }
    },
  },
  {
    name: 'a list and a read by id agree',
    async run({ connector }, upstream) {
      makeOne(upstream)
      const ctx = createContext(connector, upstream)
      for (const [name, collection] of Object.entries(connector.collections)) {
        const { volatile = [] } = collection
        const listed = (await listAll(ctx, collection)).flatMap((page) => page.changes)
        for (const change of listed.slice(0, 20)) {
          const own = await ownOf(collection.get?.(ctx, change.id), change)
          if (own)
            equal(
              hashOf(own, volatile),
              hashOf(change, volatile),
              `${name} ${change.id} is the same by id`,
            )
        }
        const hashes = Object.fromEntries(
          listed.map((change) => [change.id, hashOf(change, volatile)]),
        )
        const texts = Object.entries(upstream.objects(name))
        const expected = Object.fromEntries(
          texts.map(([id, text]) => [id, canonical(text, volatile)]),
        )
        equalRecords(hashes, expected, `${name} is whole, nested lists included`)
      }
    },
  },
  {
    name: 'the exact text survives: NUL, astral characters, lone surrogates, numbers beyond 2^53',
    async run({ connector }, upstream) {
      makeOne(upstream)
      const through = (body: string) => upstream.inject(body, EXACT)
      const ctx = createContext(connector, upstream, { through })
      for (const [name, collection] of Object.entries(connector.collections)) {
        for (const page of await listAll(ctx, collection)) {
          for (const { raw, id } of page.changes) {
            equal(`"zz_exact": ${member(raw!, ['zz_exact'])}`, EXACT, `the text of ${name} ${id}`)
          }
        }
      }
    },
  },
  {
    name: 'a field of 10 MB passes',
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      const id = upstream.create(name)
      const long = `"zz_long": "${'long \\u0000 '.repeat(1_000_000)}"`
      const through = (body: string) => upstream.inject(body, long)
      const ctx = createContext(connector, upstream, { through })
      const pages = await listAll(ctx, connector.collections[name]!)
      const change = pages.flatMap((page) => page.changes).find((found) => found.id === id)!
      holds(`"zz_long": ${member(change.raw!, ['zz_long'])}` === long, 'the field is whole')
      holds(elements(`[${change.raw!}]`, []).length === 1, 'the text is one value')
    },
  },
  {
    name: 'the credential names its account, also where it may not read it',
    async run({ connector }, upstream) {
      const { id, livemode } = upstream.account
      const identity = await connector.identify(createContext(connector, upstream))
      equal([identity.account, identity.livemode], [id, livemode], 'account and mode')
      const properties = upstream.nameless()
      const unknown = await connector.identify(createContext(connector, upstream, { properties }))
      equal(unknown.account, null, 'no account where none may be read')
      const kind = connector.credentialKinds.find(({ kind }) => kind === upstream.credential.kind)!
      equal(kind.properties.safeParse(properties).success, true, 'the properties fit their schema')
      const fallback = kind.fallbackAccount(properties)
      holds(fallback.length > 4 && fallback === kind.fallbackAccount(properties), 'a stable key')
    },
  },
]

/** Something in every collection that things can be made in. */
export function makeOne(upstream: Upstream): void {
  for (const name of upstream.creatable) {
    for (let count = 0; count < 3; count++) upstream.create(name)
    upstream.clock.advance(1_000)
  }
}

async function ownOf(
  looked: Promise<{ changes: Change[] }> | undefined,
  { id, collection }: Change,
) {
  const changes = (await looked)?.changes
  return changes?.find((change) => change.id === id && change.collection === collection)
}

function hashOf(change: Change, volatile: string[]): string {
  return canonical(change.raw!, volatile)
}
