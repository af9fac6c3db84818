import { expect, test } from 'vitest'
import { Deadline } from './deadline.ts'

const until = (ms: number, { signal } = new AbortController()) =>
  new Deadline(ms, { gone: () => signal.aborted, signal: () => signal })
const never = new Promise<never>(() => undefined)

test('work that is done in time is answered, and its signal stays quiet', async () => {
  const deadline = until(10_000)
  const signal = deadline.signal()
  expect(await deadline.race(Promise.resolve(7))).toBe(7)
  expect(signal.aborted).toBe(false)
})

test('when the time is over the call is transient, and what it waits for is aborted', async () => {
  const deadline = until(1)
  const signal = deadline.signal()
  await expect(deadline.race(never)).rejects.toMatchObject({
    kind: 'transient',
    retryAfterMs: 5000,
  })
  expect(signal.aborted).toBe(true)
  expect(deadline.signal()).toBe(signal)
})

test('a signal that is first asked for when the time is over is aborted', async () => {
  const deadline = until(1)
  await expect(deadline.race(never)).rejects.toMatchObject({ kind: 'transient' })
  expect(deadline.signal().aborted).toBe(true)
})

test('a client that hangs up aborts, before and after the signal is asked for', () => {
  const client = new AbortController()
  const deadline = until(10_000, client)
  const signal = deadline.signal()
  client.abort()
  expect(signal.aborted).toBe(true)
  expect(until(10_000, client).signal().aborted).toBe(true)
})
