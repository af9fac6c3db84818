/**
 * The peer of `bench backfill`, in a process of its own: @supabase/stripe-sync-engine backfills the customers of the simulator
 * into a schema of its own in the same Postgres. Unmodified; only its Stripe client is one that talks to the simulator.
 * argv: database URL, simulator URL, key. Prints one JSON line { seconds }.
 */
import { createRequire } from 'node:module'
import Stripe from 'stripe'

// Its ES module build finds no `__dirname`, and so skips its own migrations without a word: the CommonJS build works.
const { runMigrations, StripeSync } = createRequire(import.meta.url)(
  '@supabase/stripe-sync-engine',
) as typeof import('@supabase/stripe-sync-engine')

const [databaseUrl, simulatorUrl, key] = process.argv.slice(2) as [string, string, string]
const { hostname, port } = new URL(simulatorUrl)

await runMigrations({ databaseUrl, schema: 'stripe' })
const sync = new StripeSync({
  stripeSecretKey: key,
  schema: 'stripe',
  stripeWebhookSecret: 'whsec_unused',
  poolConfig: { connectionString: databaseUrl, max: 10 },
})
// The engine offers no setting for the host; the client is the official SDK either way.
Object.assign(sync, { stripe: new Stripe(key, { host: hostname, port, protocol: 'http' }) })

const started = performance.now()
await sync.syncBackfill({ object: 'customer' })
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }))
process.exit(0)
