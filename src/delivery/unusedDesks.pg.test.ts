import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, expect, test, vi } from 'vitest'
import { openCounter } from '../../test/support/counter.ts'
import { createTestDatabase } from '../../test/support/database.ts'
import { createDispatcher } from './dispatcher.ts'

const database = await createTestDatabase()
const { notifier, setUp, close } = openCounter(database)
afterAll(async () => {
  await close()
  await database[Symbol.asyncDispose]()
})

test('a consumer that nobody asks for any more listens to its stream no longer, one that is used goes on', async () => {
  let listening = 0
  const counted = {
    ...notifier,
    subscribe(streamNo: number, listener: () => void) {
      listening++
      const unsubscribe = notifier.subscribe(streamNo, listener)
      return () => {
        listening--
        unsubscribe()
      }
    },
  }
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const own = createDispatcher({ sql: database.pools.deliver, notifier: counted })
    const { consumer } = await setUp()
    const { signal } = new AbortController()
    const ask = async (waitMs = 0) => await own.next({ consumer, batchSize: 1, waitMs, signal })
    for (let looks = 0; looks < 3; looks++) {
      await ask()
      vi.advanceTimersByTime(5000)
      expect(listening).toBe(1)
    }
    const waits = ask(60_000)
    vi.advanceTimersByTime(20_000)
    expect(listening).toBe(1)
    await own.close()
    await waits
    expect(listening).toBe(0)

    const other = createDispatcher({ sql: database.pools.deliver, notifier: counted })
    await other.next({ consumer, batchSize: 1, waitMs: 0, signal })
    await turn() // the loop ends after its last answer
    vi.advanceTimersByTime(10_000)
    expect(listening).toBe(0)
    await other.close()
  } finally {
    vi.useRealTimers()
  }
})
