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

export type Simulated = {
  run(options: SimulatorOptions): Promise<Running>
  /** What a credential for it is made of. */
  credential(key: string): { kind: string; properties: Record<string, string> }
}

/** The simulated providers by name. */
export const simulators: Record<string, Simulated> = {
  stripe: {
    run: runStripeSimulator,
    credential: (secret) => ({ kind: 'stripe_key', properties: { secret } }),
  },
  hubspot: {
    run: runHubspotSimulator,
    credential: (token) => ({ kind: 'hubspot_private_app', properties: { access_token: token } }),
  },
}
