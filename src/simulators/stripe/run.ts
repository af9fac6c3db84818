import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Keys } from './auth.ts'
import { createStripeSimulator } from './simulator.ts'
import type { StripeSimulator } from './simulator.ts'

export type RunOptions = {
  port: number
  host?: string
  seed?: number
  /** Objects over all collections that a new account gets. Default 20,000. */
  total?: number
  /** Where the account lives on across restarts. Default: memory only. */
  dir?: string
  /** Changes per second. Default 0. */
  rate?: number
  /** Documented rate limits on. */
  limits?: boolean
}

export type Running = {
  url: string
  /** The secret key. */
  key: Keys['secret']
  accountId: string
  simulator: StripeSimulator
  close(): Promise<void>
}

/** A whole account, listening: seeded when new, gone on with when found in `dir`. */
export async function runStripeSimulator(options: RunOptions): Promise<Running> {
  const { port, host, seed, total = 20_000, dir, rate = 0, limits } = options
  const open = () =>
    createStripeSimulator({
      ...(seed === undefined ? {} : { seed }),
      ...(dir === undefined ? {} : { dir }),
      ...(limits === undefined ? {} : { limits }),
    })
  let simulator = open()
  if (simulator.restored && !simulator.complete && dir !== undefined) {
    // Killed while it was being seeded: a torso tells nothing worth keeping.
    simulator.close()
    rmSync(join(dir, 'journal.jsonl'))
    simulator = open()
  }
  if (!simulator.restored && total > 0) simulator.seedAccount(total)
  const server = await simulator.listen(port, host)
  simulator.live(rate)
  return {
    url: server.url,
    key: simulator.keys.secret,
    accountId: simulator.accountId,
    simulator,
    close: async () => {
      await server.close()
      simulator.close()
    },
  }
}
