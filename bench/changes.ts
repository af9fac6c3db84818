import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from './support/measure.ts'
import type { Case, Flags } from './support/report.ts'
import { type Stack, startStack } from './support/stack.ts'

type Upstream = { accounts: { url: string; secret: string }[]; made: number }
type Data = { name?: string; properties?: { firstname?: string } }
type Delivery = { ack_token: string; record: { data: Data } }

/** Accounts that change, how a sync of one is asked for, and what a change may take when it is polled. */
type Provider = {
  upstream: string
  sync(account: { url: string; secret: string }): object
  nameIn(data: Data): string | undefined
  polledMs: number
  /** Our API registers webhooks at it by itself. */
  webhooks: boolean
}

const providers: Record<string, Provider> = {
  stripe: {
    upstream: 'bench/support/lively.ts',
    sync: ({ url, secret }) => ({
      credential: { properties: { kind: 'stripe_key', secret, base_url: url } },
      collection_ids: ['stripe:customer'],
    }),
    nameIn: ({ name }) => name,
    polledMs: 1_200,
    webhooks: true,
  },
  hubspot: {
    upstream: 'bench/support/livelyPortals.ts',
    sync: ({ url, secret }) => ({
      credential: {
        properties: { kind: 'hubspot_private_app', access_token: secret, base_url: url },
      },
      collection_ids: ['hubspot:contacts'],
    }),
    nameIn: ({ properties }) => properties?.firstname,
    // the index is 2 s late
    polledMs: 2_000 + 3_000,
    webhooks: false,
  },
}

/**
 * `--rate` 50 changes/s over `--syncs` 20 for `--seconds` 60: from the change at the provider to the answer of `next`, first
 * polled, then with webhooks; see README.md.
 */
export async function changes(flags: Flags, report: (result: Case) => void): Promise<void> {
  const syncs = flags.number('syncs', 20)
  const rate = flags.number('rate', 50)
  const seconds = flags.number('seconds', 60)
  const name = flags.text('provider', 'stripe')
  const provider = providers[name]
  if (provider === undefined)
    throw new Error(`--provider is ${Object.keys(providers).join(' or ')}`)
  const stack = await startStack({ upstream: provider.upstream, accounts: syncs })
  try {
    const credentialIds = await makeSyncs(stack, name, provider)
    const { id } = await stack.api('POST', '/v1/http-consumers', {
      stream_id: 'default',
      deliver_policy: 'new',
    })
    const consume = follow(stack, id, provider)
    const polled = await measure(stack, consume, { rate, seconds })
    tell(report, 'polled', polled, provider.polledMs)
    if (provider.webhooks) {
      for (const credential of credentialIds)
        await stack.api('POST', `/v1/credentials/${credential}/webhook-endpoint`)
      const hooked = await measure(stack, consume, { rate, seconds })
      tell(report, 'webhook', hooked, 150)
    }
    consume.stop()
  } finally {
    await stack.stop()
  }
}

type Measured = { delays: number[]; made: number }

function tell(
  report: (result: Case) => void,
  how: string,
  { delays, made }: Measured,
  limit: number,
): void {
  const p99 = quantile(delays, 0.99)
  report({ case: `${how}, p50`, value: quantile(delays, 0.5), unit: 'ms' })
  report({ case: `${how}, p99`, value: p99, unit: 'ms', peer_value: limit, ratio: limit / p99 })
  report({ case: `${how}, arrived of made`, value: (100 * delays.length) / made, unit: '%' })
}

async function makeSyncs(stack: Stack, name: string, provider: Provider): Promise<string[]> {
  const { accounts } = await control(stack, '/accounts')
  const credentialIds: string[] = []
  for (const account of accounts) {
    const sync = await stack.api('POST', '/v1/syncs', { provider: name, ...provider.sync(account) })
    credentialIds.push(sync.credential_id)
  }
  for (;;) {
    const { data } = await stack.api('GET', '/v1/syncs?limit=200')
    if (
      data.every(
        (one: { initial_backfill_completed_at: string | null }) =>
          one.initial_backfill_completed_at,
      )
    )
      return credentialIds
    await delay(500)
  }
}

/** The delays of what has arrived so far. A name of a backfill has no time in it. */
function follow(stack: Stack, consumerId: string, { nameIn }: Provider) {
  let delays: { madeMs: number; ms: number }[] = []
  const stopped = new AbortController()
  const path = `/v1/http-consumers/${consumerId}`
  const worker = async () => {
    while (!stopped.signal.aborted) {
      const { data } = await stack.api('GET', `${path}/next?batch_size=100&wait_for=2000`)
      const now = performance.timeOrigin + performance.now()
      const deliveries = data as Delivery[]
      for (const { record } of deliveries) {
        const made = /^at ([\d.]+)$/.exec(nameIn(record.data) ?? '')?.[1]
        if (made !== undefined) delays.push({ madeMs: Number(made), ms: now - Number(made) })
      }
      if (deliveries.length > 0)
        await stack.api('POST', `${path}/ack`, {
          ack_tokens: deliveries.map((one) => one.ack_token),
        })
    }
  }
  void Promise.all([worker(), worker()])
  return {
    take() {
      const taken = delays
      delays = []
      return taken
    },
    stop() {
      stopped.abort()
    },
  }
}

/** The first ten seconds warm up, and go over into the others: polls become rarer in a pause. */
async function measure(
  stack: Stack,
  consume: ReturnType<typeof follow>,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Measured> {
  await control(stack, `/go?rate=${rate}`)
  await delay(10_000)
  const before = await control(stack, '/')
  const beganMs = performance.timeOrigin + performance.now()
  await delay(seconds * 1000)
  const after = await control(stack, '/go?rate=0')
  // The last ones are under way.
  await delay(5_000)
  const delays = consume.take().filter(({ madeMs }) => madeMs >= beganMs)
  return { delays: delays.map(({ ms }) => ms), made: after.made - before.made }
}

async function control(stack: Stack, path: string): Promise<Upstream> {
  return (await (await fetch(`${stack.simulatorUrl}${path}`)).json()) as Upstream
}
