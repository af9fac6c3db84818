import { rmSync } from 'node:fs'
import { join } from 'node:path'

/** What every simulator can be, whatever its provider. */
type Runnable = {
  accountId: string
  /** True: found in its directory, not new. */
  restored: boolean
  /** False: its seeding was begun and never ended. */
  readonly complete: boolean
  keys: { secret: string }
  seedAccount(total: number): void
  live(ratePerSecond: number): () => void
  listen(port?: number, host?: string): Promise<{ url: string; close(): Promise<void> }>
  close(): void
}

export type RunOptions = {
  port: number
  host?: string
  seed?: number
  /** Records over all collections that a new account gets. Default 20,000. */
  total?: number
  /** Where the account lives on across restarts. Default: memory only. */
  dir?: string
  /** Changes per second. Default 0. */
  rate?: number
  /** Documented rate limits on. */
  limits?: boolean
}

export type Running<S> = {
  url: string
  /** The secret key or token. */
  key: string
  accountId: string
  simulator: S
  close(): Promise<void>
}

/** A whole account, listening: seeded when new, gone on with when found in `dir`. */
export async function runSimulator<S extends Runnable>(
  create: (options: { seed?: number; dir?: string; limits?: boolean }) => S,
  options: RunOptions,
): Promise<Running<S>> {
  const { port, host, seed, total = 20_000, dir, rate = 0, limits } = options
  const open = () =>
    create({
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
