import { equal, failure, holds } from './check.ts'
import { createContext } from './request.ts'
import type { Case } from './target.ts'

const WITHIN_MS = 200
const NONE = { fromMs: null, toMs: null }

export const cancel: Case[] = [
  {
    name: `an abort ends list, get and feed within ${WITHIN_MS} ms`,
    async run({ connector }, upstream) {
      const name = upstream.creatable[0]!
      const id = upstream.create(name)
      const collection = connector.collections[name]!
      const feed = Object.values(connector.feeds)[0]
      const works = [
        (signal: AbortSignal) => collection.list(context(signal), null, NONE),
        (signal: AbortSignal) => collection.get!(context(signal), id),
        (signal: AbortSignal) => feed?.start(context(signal)) ?? Promise.reject(signal.reason),
      ]
      const context = (signal: AbortSignal) => createContext(connector, upstream, { signal })
      upstream.fault({ kind: 'stall' })
      for (const work of works) {
        const stop = new AbortController()
        const sent = upstream.requests().length
        const ended = failure(() => work(stop.signal))
        while (upstream.requests().length === sent) await new Promise((wake) => setImmediate(wake))
        const at = performance.now()
        stop.abort()
        equal((await ended).kind, 'stopped', 'the work was stopped')
        holds(performance.now() - at < WITHIN_MS, 'at once', performance.now() - at)
      }
    },
  },
  {
    name: 'no request begins after an abort',
    async run({ connector }, upstream) {
      const stop = new AbortController()
      stop.abort()
      const ctx = createContext(connector, upstream, { signal: stop.signal })
      for (const collection of Object.values(connector.collections)) {
        equal((await failure(() => collection.list(ctx, null, NONE))).kind, 'stopped', 'list')
      }
      equal(upstream.requests(), [], 'no request')
    },
  },
]
