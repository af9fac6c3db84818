import postgres from 'postgres'
import { openLines } from './support/lines.ts'
import { quantile, timed } from './support/measure.ts'
import type { Case, Flags } from './support/report.ts'
import { type Stack, startStack } from './support/stack.ts'

const perCustomer = 50

/**
 * The management API as one process beside Postgres and Temporal, without a worker: reading one sync, a filtered list, and creating, among 100
 * syncs and among `--syncs` 10,000; see README.md.
 */
export async function api(flags: Flags, report: (result: Case) => void): Promise<void> {
  const many = flags.number('syncs', 10_000)
  const seconds = flags.number('seconds', 5)
  const stack = await startStack({ upstream: 'bench/support/quiet.ts', worker: false })
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const credential = await stack.api('POST', '/v1/credentials', {
      properties: { kind: 'stripe_key', secret: 'sk_live_1', base_url: stack.simulatorUrl },
    })
    const few = await measure(stack, await seed(sql, credential.id, 100), seconds)
    const all = await measure(stack, await seed(sql, credential.id, many), seconds)
    const wanted = (name: string, value: number, unit: string, goal: number) =>
      report({ case: name, value, unit, peer_value: goal, ratio: value / goal })
    wanted(`GET a sync of ${many}`, all.reads, 'requests/s', 3000)
    report({
      case: `list of ${perCustomer} of ${many} by metadata, p99`,
      value: all.listMs,
      unit: 'ms',
      peer_value: 15,
      ratio: 15 / all.listMs,
    })
    const ratio = (value: number, peer_value: number) => ({
      value,
      unit: 'requests/s',
      peer_value,
      ratio: value / peer_value,
    })
    report({ case: `GET a sync, of ${many} beside of 100`, ...ratio(all.reads, few.reads) })
    report({ case: `lists, of ${many} beside of 100`, ...ratio(all.lists, few.lists) })
    const created = await create(stack, credential.id, seconds)
    wanted('create a sync, its workflow started', created, 'requests/s', 100)
  } finally {
    await sql.end()
    await stack.stop()
  }
}

/** Fills up to `count` syncs, of which each customer of the caller has 50. All ids. */
async function seed(sql: postgres.Sql, credentialId: string, count: number): Promise<string[]> {
  await sql`
    with made as (
      insert into syncs (tenant_id, provider, stream_id, credential_id, name, metadata)
      select c.tenant_id, c.provider, t.id, c.id, 'sync ' || n,
             jsonb_build_object('customer', n / ${perCustomer}::int, 'plan', case n % 3 when 0 then 'pro' else 'free' end)
        from generate_series((select count(*)::int from syncs), ${count - 1}::int) n
       cross join credentials c
        join streams t on t.tenant_id = c.tenant_id and t.slug = 'default'
       where c.id = ${credentialId}
      returning *)
    insert into source (stream_no, sync_id, collection_id, provider, metadata, phase, backfilled_at, last_checked_at)
    select t.stream_no, m.id, 'stripe:' || collection, m.provider, m.metadata, 'live', now(), now()
      from made m
      join streams t on t.id = m.stream_id
     cross join unnest(array['customer', 'invoice', 'subscription']) collection`
  await sql`vacuum analyze`
  return (await sql<{ id: string }[]>`select id from syncs order by id`).map(({ id }) => id)
}

async function measure(stack: Stack, ids: string[], seconds: number) {
  // one key may ask for less than is measured
  const { key } = await stack.api('POST', '/v1/api-keys', { name: 'bench', scopes: ['read'] })
  const port = Number(new URL(stack.apiUrl).port)
  const [lines, others] = [openLines(port, stack.apiKey), openLines(port, key)]
  let n = 0
  const read = async () => {
    const by = n % 2 === 0 ? lines : others
    await by.call('GET', `/v1/syncs/${ids[(n++ * 7919) % ids.length]}`)
  }
  const customers = Math.floor(ids.length / perCustomer)
  const listMs: number[] = []
  const list = async () => {
    const metadata = encodeURIComponent(`{"customer":${(n++ * 7919) % customers}}`)
    const began = performance.now()
    const text = await lines.call('GET', `/v1/syncs?limit=${perCustomer}&metadata=${metadata}`)
    listMs.push(performance.now() - began)
    // not parsed: the garbage of this process took the time from the one that is measured
    if (text.split('"initial_backfill_completed_at":').length !== perCustomer + 1)
      throw new Error('the list is not whole')
  }
  await rate(8, 1, read)
  const reads = await rate(64, seconds, read)
  await rate(1, 1, list)
  listMs.length = 0
  const lists = await rate(1, seconds, list)
  lines.close()
  others.close()
  return { reads, lists, listMs: quantile(listMs, 0.99) }
}

/** Creates with workflows, by 16 at once. */
async function create(stack: Stack, credentialId: string, seconds: number): Promise<number> {
  return await rate(16, seconds, async () => {
    await stack.api('POST', '/v1/syncs', {
      credential_id: credentialId,
      collection_ids: ['stripe:customer'],
    })
  })
}

/** Calls a second. */
async function rate(atOnce: number, seconds: number, act: () => Promise<void>): Promise<number> {
  const until = performance.now() + seconds * 1000
  let done = 0
  const took = await timed(atOnce, async () => {
    while (performance.now() < until) {
      await act()
      done += 1
    }
  })
  return done / took
}
