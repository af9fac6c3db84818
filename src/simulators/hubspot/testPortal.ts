import { onTestFinished } from 'vitest'
import { createManualClock } from '../kit/clock.ts'
import { createHubspotSimulator } from './simulator.ts'
import type { HubspotSimulatorOptions } from './simulator.ts'

export const startMs = Date.UTC(2026, 10, 24, 12)
export const dayMs = 86_400_000

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked at, not typed
export type Body = any

export type Answer = { status: number; headers: Headers; body: Body }

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
  ): Promise<Answer> => {
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
