import { expect, test } from 'vitest'
import { startDeadline } from './deadline.ts'

const never = new Promise<never>(() => undefined)

test('work that is done in time is answered, and its signal stays quiet', async () => {
  const deadline = startDeadline(10_000, () => new AbortController().signal)
  const signal = deadline.signal()
  expect(await deadline.race(Promise.resolve(7))).toBe(7)
  expect(signal.aborted).toBe(false)
})

test('when the time is over the call is transient, and what it waits for is aborted', async () => {
  const deadline = startDeadline(1, () => new AbortController().signal)
  const signal = deadline.signal()
  await expect(deadline.race(never)).rejects.toMatchObject({
    kind: 'transient',
    retryAfterMs: 5000,
  })
  expect(signal.aborted).toBe(true)
  expect(deadline.signal()).toBe(signal)
})

test('a signal that is first asked for when the time is over is aborted', async () => {
  const deadline = startDeadline(1, () => new AbortController().signal)
  await expect(deadline.race(never)).rejects.toMatchObject({ kind: 'transient' })
  expect(deadline.signal().aborted).toBe(true)
})

test('a client that hangs up aborts, before and after the signal is asked for', () => {
  const client = new AbortController()
  const deadline = startDeadline(10_000, () => client.signal)
  const signal = deadline.signal()
  client.abort()
  expect(signal.aborted).toBe(true)
  expect(startDeadline(10_000, () => client.signal).signal().aborted).toBe(true)
})
