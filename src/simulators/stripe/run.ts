import type { RunOptions, Running } from '../kit/run.ts'
import { runSimulator } from '../kit/run.ts'
import { createStripeSimulator } from './simulator.ts'
import type { StripeSimulator } from './simulator.ts'

/** A whole account, listening: seeded when new, gone on with when found in `dir`. */
export async function runStripeSimulator(options: RunOptions): Promise<Running<StripeSimulator>> {
  return await runSimulator(createStripeSimulator, options)
}
