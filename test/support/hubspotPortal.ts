import { onTestFinished } from 'vitest'
import { createManualClock } from '../../src/simulators/kit/clock.ts'
import { createHubspotSimulator } from '../../src/simulators/hubspot/simulator.ts'
import type { HubspotSimulatorOptions } from '../../src/simulators/hubspot/simulator.ts'
import type { Answer } from './answer.ts'

export const startMs = Date.UTC(2026, 10, 24, 12)
export const dayMs = 86_400_000

type HubspotAnswer = Answer & { headers: Headers }

/** A listening portal with a clock that moves only when told to, for one test. */
export async function openTestPortal(options: HubspotSimulatorOptions = {}) {
  const clock = createManualClock(startMs)
  const simulator = createHubspotSimulator({ now: clock.now, ...options })
  const server = await simulator.listen()
  onTestFinished(async () => {
    await server.close()
    simulator.close()
  })
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    token: string | null = simulator.keys.secret,
  ): Promise<HubspotAnswer> => {
    const answer = await fetch(server.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const json = answer.headers.get('content-type')?.startsWith('application/json') === true
    return {
      status: answer.status,
      headers: answer.headers,
      body: json && text !== '' ? JSON.parse(text) : text,
    }
  }
  return {
    clock,
    simulator,
    url: server.url,
    get: (path: string, token?: string | null) => send('GET', path, undefined, token),
    post: (path: string, body: unknown, token?: string) => send('POST', path, body, token),
    send,
  }
}
