import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/support/database.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { openPools } from '../db/pools.ts'
import { wake } from '../stream/wake.ts'
import { createNotifier } from './notifier.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

test('who subscribed to a stream hears of it, and of no other, until it unsubscribes', async () => {
  const notifier = createNotifier(database.pools.listen)
  const heard = { one: 0, two: 0 }
  const leave = notifier.subscribe(1, () => heard.one++)
  notifier.subscribe(2, () => heard.two++)
  await expect.poll(() => heard).toEqual({ one: 1, two: 1 }) // listening began: words may have been lost before
  wake(database.sql, 1)
  await expect.poll(() => heard).toEqual({ one: 2, two: 1 })
  leave()
  wake(database.sql, 2)
  await expect.poll(() => heard).toEqual({ one: 2, two: 2 })
  await notifier.close()
})

test('many commits at once are two words: one at once, one for all that came after', async () => {
  const words: string[] = []
  const { unlisten } = await database.pools.listen.listen('sluice_stream', (payload) =>
    words.push(payload),
  )
  for (let i = 0; i < 100; i++) wake(database.sql, 77)
  wake(database.sql, 78)
  await expect.poll(() => words.toSorted()).toEqual(['77', '77', '78'])
  await unlisten()
})

test('a connection that is lost, and a database that is away for a while, are survived', async () => {
  const line = await openLine(new URL(database.url))
  const pools = openPools(line.url, { applicationName: 'notifier-test' })
  const notifier = createNotifier(pools.listen)
  let heard = 0
  notifier.subscribe(1, () => heard++)
  await expect.poll(() => heard).toBe(1)
  await line.cut()
  line.restore()
  await expect.poll(() => heard, { timeout: 15_000 }).toBeGreaterThan(1)
  const before = heard
  await database.sql.notify('sluice_stream', '1')
  await expect.poll(() => heard).toBeGreaterThan(before)
  await notifier.close()
  await pools.end()
  await line.close()
})

/** A line to the database that can be cut: new connections are refused until it is restored. */
async function openLine(target: URL) {
  const sockets = new Set<Socket>()
  let refused = 0
  let cut = false
  const server: Server = createServer((inward) => {
    if (cut) {
      refused++
      inward.destroy()
      return
    }
    const outward = connect(Number(target.port), target.hostname)
    for (const socket of [inward, outward]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        inward.destroy()
        outward.destroy()
        sockets.delete(socket)
      })
    }
    inward.pipe(outward).pipe(inward)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.toString(),
    /** Resolves when somebody has tried to come back three times, in vain. */
    async cut() {
      cut = true
      for (const socket of sockets) socket.destroy()
      await expect.poll(() => refused, { timeout: 15_000 }).toBeGreaterThanOrEqual(3)
    },
    restore() {
      cut = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
