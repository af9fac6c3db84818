import type { RunOptions, Running } from '../kit/run.ts'
import { runSimulator } from '../kit/run.ts'
import { createHubspotSimulator } from './simulator.ts'
import type { HubspotSimulator } from './simulator.ts'

/** A whole portal, listening: seeded when new, gone on with when found in `dir`. */
export async function runHubspotSimulator(options: RunOptions): Promise<Running<HubspotSimulator>> {
  return await runSimulator(createHubspotSimulator, options)
}
