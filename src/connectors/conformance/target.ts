import type { Connector } from '../connector.ts'

/** What the suite runs against: a connector, and a provider that knows nothing of it. */
export type Target = {
  connector: Connector
  /** A fresh, empty account, with a clock that only the test moves. */
  open(): Promise<Upstream>
  /** Cases that this provider cannot pass, `group: name` -> why not. Their number stands in the suite's title. */
  skips: Record<string, string>
}

export type Upstream = {
  baseUrl: string
  credential: { kind: string; properties: Record<string, unknown> }
  /** The same for a credential that may not read a collection, for one that may not say whose it is, and for a refused one. */
  without(collection: string): Record<string, unknown>
  nameless(): Record<string, unknown>
  revoked(): Record<string, unknown>
  account: { id: string; livemode: boolean }
  /** The provider's clock. */
  clock: { now(): number; advance(ms: number): void }
  /** Collections that objects can be made in by hand; others are filled by the way. */
  creatable: string[]
  /** Some of them, one of each kind that the connector treats in its own way: for the cases with many objects. */
  thorough: string[]
  /** Makes an object as its user would; answers its id. */
  create(collection: string): string
  /** Collections of which a change is announced, and one that is. */
  announced: string[]
  change(collection: string, id: string): void
  /** Collections of which a delete is announced, and one that is. */
  removable: string[]
  /** Collections of which nothing ever goes. */
  lasting?: string[]
  /** An announced delete is told when so much time has passed; left out: at once. */
  removedWithinMs?: number
  remove(collection: string, id: string): void
  /** Gone without any word, whatever the collection. */
  vanish(collection: string, id: string): void
  /** Every object there is, as its own JSON text by id. */
  objects(collection: string): Record<string, string>
  /** Puts the raw text of a member into every object of an answer's body. */
  inject(body: string, member: string): string
  /** From now on events become visible so much after they happen. */
  lateBy(ms: number): void
  /** From now on events are rendered in a shape of long ago. */
  oldEvents(): void
  fault(fault: Fault): void
  /** Requests so far. */
  requests(): { method: string; path: string; query: string; status: number }[]
  /** A webhook as the provider would send it about an object; null: it has none. */
  webhook: ((collection: string, id: string, atMs: number) => SignedWebhook) | null
  close(): Promise<void>
}

export type SignedWebhook = {
  headers: Record<string, string>
  body: Uint8Array
  secret: string
  /** Where it was sent to, where that is signed too. */
  url?: string
}

export type Fault = {
  kind:
    | 'rate_limit'
    | 'server_error'
    | 'unauthorized'
    | 'forbidden'
    | 'reset'
    | 'cut'
    | 'html'
    | 'stall'
  status?: number
  retryAfter?: string
  count?: number
}

/** One case; throws where the connector does not do what its contract says. */
export type Case = { name: string; run: (target: Target, upstream: Upstream) => Promise<void> }
