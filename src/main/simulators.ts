import { runHubspotSimulator } from '../simulators/hubspot/run.ts'
import { runStripeSimulator } from '../simulators/stripe/run.ts'

export type SimulatorOptions = {
  port: number
  host: string
  /** Records of a new account. */
  total: number
  /** Changes per second; 0: the account stands still. */
  rate: number
  seed: number
  /** The provider's documented rate limits are enforced. */
  limits: boolean
  /** Where the account is kept; left out: in memory. */
  dir?: string
}

type Running = { url: string; key: string; close(): Promise<void> }

/** The simulated providers by name. */
export const simulators: Record<string, (options: SimulatorOptions) => Promise<Running>> = {
  stripe: runStripeSimulator,
  hubspot: runHubspotSimulator,
}
