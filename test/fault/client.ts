/** Calls that go on until they are answered: the API is killed under them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../support/answer.ts'

const patienceMs = 120_000
const callMs = 20_000
/** Worth another try: nobody there, or one that says so. */
const again = new Set([429, 500, 502, 503, 504])

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>

/** Tries again what was not answered or may pass; for what is safe to repeat, or carries an Idempotency-Key. */
export function createAsk(baseUrl: string, apiKey: string | null): Ask {
  return async (method, path, body, headers = {}) => {
    const untilMs = performance.now() + patienceMs
    for (;;) {
      const answer = await once(method, `${baseUrl}${path}`, body, {
        ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
        ...headers,
      })
      if (answer !== null && !again.has(answer.status)) return answer
      if (performance.now() > untilMs)
        throw new Error(
          `${method} ${path} had no good answer in ${patienceMs / 1_000} s, last: ${JSON.stringify(answer)}`,
        )
      await delay(250)
    }
  }
}

/** One try; null: no answer. */
export async function once(
  method: string,
  url: string,
  body: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Answer | null> {
  const limit = AbortSignal.timeout(callMs)
  try {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text) }
  } catch {
    return null
  }
}
