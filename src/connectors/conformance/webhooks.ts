import type { Connector } from '../connector.ts'
import { equal, holds } from './check.ts'
import type { Case, SignedWebhook, Upstream } from './target.ts'

const DAY_MS = 86_400_000

export const webhooks: Case[] = [
  {
    name: 'a good one is a hint at its object, again when it is replayed',
    async run({ connector }, upstream) {
      const { sent, id, name } = sample(upstream)
      for (const _time of [1, 2]) {
        const changes = verify(connector, upstream, sent)
        equal(changes, [{ collection: name, id, raw: null }], 'a hint and nothing else')
      }
    },
  },
  {
    name: 'a tampered, stale, foreign or unsigned one is refused',
    async run({ connector }, upstream) {
      const { sent } = sample(upstream)
      const body = new Uint8Array(sent.body)
      body[body.length - 2]! ^= 1
      equal(verify(connector, upstream, { ...sent, body }), null, 'tampered')
      equal(verify(connector, upstream, { ...sent, headers: {} }), null, 'unsigned')
      equal(verify(connector, upstream, { ...sent, secret: `${sent.secret}x` }), null, 'foreign')
      for (const header of ['', ',', '=', 'x'.repeat(10_000), '☃']) {
        const headers = Object.fromEntries(Object.keys(sent.headers).map((key) => [key, header]))
        equal(verify(connector, upstream, { ...sent, headers }), null, 'nonsense')
      }
      upstream.clock.advance(DAY_MS)
      equal(verify(connector, upstream, sent), null, 'stale')
      upstream.clock.advance(-2 * DAY_MS)
      equal(verify(connector, upstream, sent), null, 'from the future')
    },
  },
  {
    name: 'a good one of an unknown kind is no hint and no refusal',
    async run({ connector }, upstream) {
      const sent = upstream.webhook!('unknown_collection', 'unknown_1', upstream.clock.now())
      equal(verify(connector, upstream, sent), [], 'nothing')
    },
  },
]

function sample(upstream: Upstream) {
  holds(upstream.webhook !== null, 'the target sends webhooks, or the group is skipped')
  const name = upstream.creatable[0]!
  const id = upstream.create(name)
  return { name, id, sent: upstream.webhook!(name, id, upstream.clock.now()) }
}

function verify(connector: Connector, upstream: Upstream, sent: SignedWebhook) {
  return connector.webhooks!.verify({
    url: 'https://sluice.example/hook',
    account: null,
    ...sent,
    nowMs: upstream.clock.now(),
  })
}
