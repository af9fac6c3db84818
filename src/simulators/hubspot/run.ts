import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createHubspotSimulator } from './simulator.ts'
import type { HubspotSimulator } from './simulator.ts'

export type RunOptions = {
  port: number
  host?: string
  seed?: number
  /** Records over all types that a new portal gets. Default 20,000. */
  total?: number
  /** Where the portal lives on across restarts. Default: memory only. */
  dir?: string
  /** Changes per second. Default 0. */
  rate?: number
  /** Documented rate limits on. */
  limits?: boolean
}

export type Running = {
  url: string
  /** The token of a private app. */
  key: string
  accountId: string
  simulator: HubspotSimulator
  close(): Promise<void>
}

/** A whole portal, listening: seeded when new, gone on with when found in `dir`. */
export async function runHubspotSimulator(options: RunOptions): Promise<Running> {
  const { port, host, seed, total = 20_000, dir, rate = 0, limits } = options
  const open = () =>
    createHubspotSimulator({
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
