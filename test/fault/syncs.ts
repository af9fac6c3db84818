/** The syncs as an operator steers them, and the times in which each of them was paused. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { accountOf, collectionsOf, rateOf, streamOf, syncNames } from './cast.ts'
import type { AccountName, SyncName } from './cast.ts'
import type { Ask } from './client.ts'
import type { Processes } from './processes.ts'

/** Milliseconds since 1970: the pause was answered, the resume was asked for. */
export type Silence = { sync: SyncName; fromMs: number; toMs: number }

export type Syncs = {
  id(sync: SyncName): string
  /** Ids of those that were deleted. */
  deleted: string[]
  silences: Silence[]
  /** Times in which a credential was given: the API then asks the provider who it is. */
  introductions: { account: AccountName; fromMs: number; toMs: number }[]
  pause(sync: SyncName, ms: number): Promise<boolean>
  resync(sync: SyncName, collection: string | null): Promise<void>
  check(sync: SyncName): Promise<void>
  /** Takes a collection out for a while. */
  without(sync: SyncName, collection: string, ms: number): Promise<boolean>
  /** The account's key is revoked; after a while the credential gets a new one. */
  revoke(account: AccountName, ms: number): Promise<boolean>
  replace(ms: number): Promise<boolean>
}

const providerId = (name: string) => `stripe:${name}`

export async function makeSyncs(
  processes: Processes,
  ask: Ask,
  control: Record<AccountName, Ask>,
): Promise<Syncs> {
  const ids = {} as Record<SyncName, string>
  const credentials = {} as Record<AccountName, string>
  const keys = {} as Record<AccountName, string>
  const busy = new Set<string>()
  const silences: Silence[] = []
  const introductions: Syncs['introductions'] = []
  const deleted: string[] = []

  async function good(...call: Parameters<Ask>) {
    const answer = await ask(...call)
    if (answer.status >= 300)
      throw new Error(`${call[0]} ${call[1]} was refused: ${JSON.stringify(answer)}`)
    return answer
  }

  function propertiesOf(account: AccountName) {
    const { gate } = processes.simulated[account]
    return { kind: 'stripe_key', secret: keys[account], base_url: `http://127.0.0.1:${gate.port}` }
  }

  async function freshKey(account: AccountName): Promise<void> {
    const { body } = await control[account]('POST', '/_sim/keys', { without: [] })
    keys[account] = body.key
    processes.secrets.push(body.key)
  }

  async function introduced<T>(account: AccountName, work: () => Promise<T>): Promise<T> {
    const fromMs = Date.now()
    const one = { account, fromMs, toMs: Infinity }
    introductions.push(one)
    const done = await work()
    one.toMs = Date.now() + 1_000
    return done
  }

  async function make(sync: SyncName): Promise<void> {
    const account = accountOf[sync]
    const rate = rateOf[account]
    const { body } = await introduced(account, async () => {
      const known = credentials[account]
      return await good(
        'POST',
        '/v1/syncs',
        {
          name: sync,
          stream_id: streamOf[sync],
          collection_ids: collectionsOf[sync].map(providerId),
          metadata: { sync },
          ...(rate === null ? {} : { rate_limit: { allowed_requests: rate, interval: 1 } }),
          ...(known === undefined
            ? { credential: { properties: propertiesOf(account) } }
            : { credential_id: known }),
        },
        { 'idempotency-key': randomUUID() },
      )
    })
    ids[sync] = body.id
    credentials[account] = body.credential_id
  }

  /** One of a kind at a time; what comes meanwhile does not happen. */
  async function alone(key: string, work: () => Promise<void>): Promise<boolean> {
    if (busy.has(key)) return false
    busy.add(key)
    await work()
    busy.delete(key)
    return true
  }

  async function pause(sync: SyncName, ms: number): Promise<void> {
    const path = `/v1/syncs/${ids[sync]}`
    let { status, body } = await good('POST', `${path}/pause`)
    while (status !== 200 || body.status !== 'paused') {
      await delay(100)
      ;({ status, body } = await good('GET', path))
    }
    const silence = { sync, fromMs: Date.now(), toMs: Infinity }
    silences.push(silence)
    await delay(ms)
    silence.toMs = Date.now()
    await good('POST', `${path}/resume`)
  }

  for (const account of ['one', 'two'] as const) await freshKey(account)
  await good('POST', '/v1/streams', { slug: 'other' }).catch(() => undefined)
  for (const sync of syncNames) await make(sync)

  return {
    id: (sync) => ids[sync],
    deleted,
    silences,
    introductions,
    pause: async (sync, ms) => await alone(sync, async () => await pause(sync, ms)),
    async resync(sync, collection) {
      const which = collection === null ? {} : { collection_ids: [providerId(collection)] }
      // A collection that is out just now cannot be read again.
      await ask('POST', `/v1/syncs/${ids[sync]}/resync`, which)
    },
    async check(sync) {
      await ask('POST', `/v1/syncs/${ids[sync]}/check`)
    },
    without: async (sync, collection, ms) =>
      await alone(sync, async () => {
        const all = collectionsOf[sync]
        const path = `/v1/syncs/${ids[sync]}`
        const rest = all.filter((name) => name !== collection)
        await good('PATCH', path, { collection_ids: rest.map(providerId) })
        await delay(ms)
        await good('PATCH', path, { collection_ids: all.map(providerId) })
      }),
    revoke: async (account, ms) =>
      await alone(account, async () => {
        const old = keys[account]
        await control[account]('PUT', '/_sim/keys', { key: old, revoked: true })
        await delay(ms)
        await freshKey(account)
        await introduced(account, async () => {
          await good('PATCH', `/v1/credentials/${credentials[account]}`, {
            properties: propertiesOf(account),
          })
        })
      }),
    replace: async (ms) =>
      await alone('fourth', async () => {
        await good('DELETE', `/v1/syncs/${ids.fourth}`)
        deleted.push(ids.fourth)
        await delay(ms)
        await make('fourth')
      }),
  }
}
