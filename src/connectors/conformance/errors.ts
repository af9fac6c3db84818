import type { ErrorKind } from '../../domain/error.ts'
import type { Connector, FailedAnswer, Json } from '../connector.ts'
import { equal, failure, holds } from './check.ts'
import { createContext, type TestContext } from './request.ts'
import type { Case, Fault } from './target.ts'

const NONE = { fromMs: null, toMs: null }

/** What the provider does, and what must come of it, wherever it is done. */
const FAULTS: { says: string; fault: Fault; kinds: ErrorKind[] }[] = [
  { says: '401', fault: { kind: 'unauthorized' }, kinds: ['auth'] },
  { says: '403 for one resource', fault: { kind: 'forbidden' }, kinds: ['permanent'] },
  { says: '429', fault: { kind: 'rate_limit' }, kinds: ['rate_limited'] },
  {
    says: '429 with seconds',
    fault: { kind: 'rate_limit', retryAfter: '7' },
    kinds: ['rate_limited'],
  },
  {
    says: '429 with a date',
    fault: { kind: 'rate_limit', retryAfter: 'Tue, 24 Nov 2026 07:00:00 GMT' },
    kinds: ['rate_limited'],
  },
  ...[500, 502, 503, 504].map((status) => ({
    says: String(status),
    fault: { kind: 'server_error' as const, status },
    kinds: ['transient' as const],
  })),
  { says: 'a reset', fault: { kind: 'reset' }, kinds: ['transient'] },
  { says: 'a body that is cut', fault: { kind: 'cut' }, kinds: ['transient'] },
  { says: 'HTML for JSON', fault: { kind: 'html' }, kinds: ['transient'] },
]

export const errors: Case[] = [
  ...FAULTS.map(({ says, fault, kinds }): Case => ({
    name: `${says} is ${kinds.join(' or ')}, in list, get and feed`,
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      const id = upstream.create(name)
      for (const work of works(connector, name, id)) {
        const ctx = createContext(connector, upstream)
        const prepared = await work.prepare?.(ctx)
        upstream.fault({ count: 1, ...fault })
        const error = await failure(() => work.run(ctx, prepared ?? null))
        holds(
          kinds.includes(error.kind),
          `${work.name} fails with ${kinds.join(' or ')}`,
          error.kind,
        )
        await work.run(createContext(connector, upstream), prepared ?? null)
      }
    },
  })),
  {
    name: 'a credential that is refused is auth',
    async run({ connector }, upstream) {
      const properties = upstream.revoked()
      const ctx = createContext(connector, upstream, { properties })
      equal((await failure(() => connector.identify(ctx))).kind, 'auth', 'identify')
      const first = Object.values(connector.collections)[0]!
      equal((await failure(() => first.list(ctx, null, NONE))).kind, 'auth', 'list')
    },
  },
  {
    name: 'a credential that may not read one collection may read the others',
    async run({ connector }, upstream) {
      const [closed = '', open = ''] = upstream.creatable
      const properties = upstream.without(closed)
      const ctx = createContext(connector, upstream, { properties })
      await connector.collections[open]!.list(ctx, null, NONE)
      const error = await failure(() => connector.collections[closed]!.list(ctx, null, NONE))
      equal(error.kind, 'permanent', 'the closed one')
      const byId = await failure(() =>
        connector.collections[closed]!.get!(ctx, upstream.create(closed)),
      )
      equal(byId.kind, 'permanent', 'one of its objects')
    },
  },
  {
    name: 'every answer that is no success has a kind, and only success proves a delete',
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      const id = upstream.create(name)
      const statuses = [400, 404, 405, 406, 409, 410, 418, 422, 423, 424, 451, 499, 501, 505, 520]
      for (const status of statuses) {
        for (const body of [
          '',
          '<html></html>',
          '{}',
          '{"error":null}',
          '[]',
          '{"error":{"type":1}}',
        ]) {
          const answer: FailedAnswer = { status, headers: {}, body, path: '/anything' }
          connector.classify?.(answer)
          const ctx = answering(createContext(connector, upstream), connector, answer)
          const looked = await connector.collections[name]!.get!(ctx, id).catch(() => null)
          equal(looked, null, `status ${status} with ${body} proves nothing`)
        }
      }
    },
  },
]

type Work = {
  name: string
  prepare?(ctx: TestContext): Promise<Json>
  run(ctx: TestContext, prepared: Json): Promise<unknown>
}

/** The three ways that a connector reads. */
function works(connector: Connector, name: string, id: string): Work[] {
  const collection = connector.collections[name]!
  const feed = Object.values(connector.feeds)[0]
  return [
    { name: 'list', run: (ctx) => collection.list(ctx, null, NONE) },
    { name: 'get', run: (ctx) => collection.get!(ctx, id) },
    ...(feed
      ? [
          {
            name: 'feed',
            prepare: (ctx: TestContext) => feed.start(ctx),
            run: (ctx: TestContext, cursor: Json) => feed.read(ctx, cursor),
          },
        ]
      : []),
  ]
}

/** A context to which everything is answered alike. */
function answering(ctx: TestContext, connector: Connector, answer: FailedAnswer): TestContext {
  return {
    ...ctx,
    request: async (request) => {
      if (request.accept?.includes(answer.status)) {
        return { ...answer, observedAt: new Date(ctx.now()).toISOString() }
      }
      throw new Error(connector.classify?.(answer)?.message ?? 'refused')
    },
  }
}
