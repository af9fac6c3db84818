import { expect } from 'vitest'
import { createHubspotSimulator } from '../../src/simulators/hubspot/simulator.ts'
import type { HubspotSimulatorOptions } from '../../src/simulators/hubspot/simulator.ts'
import { differencesOf } from './differences.ts'
import { openRoad, openWork } from './road.ts'

/** The whole road of road.ts with a HubSpot portal at its end, in this process. */
export async function openPortalRoad(options: HubspotSimulatorOptions = {}) {
  const closers: (() => Promise<void>)[] = []
  const { portal, credential } = await another(options)
  const road = await openRoad({ hosts: ['127.0.0.1'] })

  /** One more portal, with what a credential for it says. Another `seed` is another account. */
  async function another(more: HubspotSimulatorOptions) {
    const made = createHubspotSimulator(more)
    const server = await made.listen()
    closers.push(async () => {
      await server.close()
      made.close()
    })
    const token = { access_token: made.keys.secret, base_url: server.url }
    return {
      portal: made,
      url: server.url,
      credential: { properties: { kind: 'hubspot_private_app', ...token } },
    }
  }

  /** Where stream and portal differ in collections that a sync has. `only`: nothing else of the portal is looked at. */
  async function differences(only?: string): Promise<string[]> {
    const found = await differencesOf(road.database.sql, portal.snapshot(only), null, 'hubspot')
    return found.slice(0, 10)
  }

  async function create(path: string, body: object): Promise<string> {
    const answer = await road.ask('POST', path, body)
    if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
    return answer.body.id as string
  }

  return {
    portal,
    road,
    another,
    differences,
    /** A sync of these collections, with a private app's token unless `fields` say otherwise; its id. */
    sync: (names: string[], fields: object = {}) =>
      create('/v1/syncs', {
        collection_ids: names.map((name) => `hubspot:${name}`),
        credential,
        rate_limit: { allowed_requests: 2_000, interval: 10, max_concurrent_requests: 20 },
        ...fields,
      }),
    /** The portal as it is connected by the OAuth app; the credential's id. */
    async connect(): Promise<string> {
      const { clientId, clientSecret, refreshToken } = portal.keys.oauth
      const app = { provider: 'hubspot', name: 'Ours', client_id: clientId }
      const appId = await create('/v1/oauth-apps', { ...app, client_secret: clientSecret })
      const { base_url } = credential.properties
      const properties = { kind: 'hubspot_oauth2', refresh_token: refreshToken, base_url }
      return await create('/v1/credentials', { properties, oauth_app_id: appId })
    },
    /** One sentence of a sync's health. */
    async check(syncId: string, name: string) {
      const { body } = await road.ask('GET', `/v1/syncs/${syncId}`)
      return (body.health.checks as { name: string; status: string; message: string }[]).find(
        (one) => one.name === name,
      )!
    },
    /** Waits until stream and portal are equal and nothing is left to look at. */
    async atRest(only?: string): Promise<void> {
      const now = async () => ({
        differences: await differences(only),
        open: await openWork(road.database),
      })
      const slowly = { timeout: 100_000, interval: 250 }
      await expect.poll(now, slowly).toEqual({ differences: [], open: 0 })
    },
    /** Times (ms) of the requests to paths that end so. */
    asked: (end: string) =>
      portal.log.filter(({ path }) => path.endsWith(end)).map((entry) => entry.at),
    async [Symbol.asyncDispose]() {
      await road[Symbol.asyncDispose]()
      for (const close of closers) await close()
    },
  }
}
