import type { Sql } from '../db/pools.ts'
import type { AppError } from '../domain/error.ts'
import type { Cap, Priority } from './bucket.ts'
import { reach } from './bucket.ts'
import { spent } from './lane.ts'
import { bounds } from './bounds.ts'
import { aborted, refusal } from './pacer.ts'

/** How many requests this process may have in flight against one bucket of one credential, of a cap for all processes. */
export type Slots = {
  /** Resolves to the release, which may be called more than once. */
  acquire(options: {
    max: number
    priority: Priority
    deadline: number
    signal: AbortSignal
  }): Promise<() => void>
  /** Gives back what is not in flight. */
  close(): Promise<void>
  idle(now: number): boolean
}

type Waiter = {
  rank: number
  lowest: boolean
  deadline: number
  resolve(release: () => void): void
  reject(error: AppError): void
}

/** The typed use of quota_hold_v1: slots are held for a while, so that most requests need no statement for them. */
export function createSlots(
  sql: Sql,
  credentialId: string,
  key: Cap['key'],
  holder: string,
): Slots {
  let max = 1
  let held = 0
  let low = 0
  let used = 0
  let usedLow = 0
  /** The most in flight since the last look at it. */
  let peak = 0
  let lookedAt = 0
  let usedAt = performance.now()
  let askedAt = -Infinity
  /** The last answer was less than what was asked for. */
  let short = false
  let asking = false
  let timer: NodeJS.Timeout | undefined
  const queue: Waiter[] = []

  function acquire(options: Parameters<Slots['acquire']>[0]): Promise<() => void> {
    max = options.max
    usedAt = performance.now()
    if (options.signal.aborted) return Promise.reject(aborted())
    const lowest = options.priority === 'backfill'
    if (queue.length === 0 && fresh() && fits(lowest)) return Promise.resolve(occupy(lowest))
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const at = queue.indexOf(waiter)
        if (at >= 0) queue.splice(at, 1)
        reject(aborted())
      }
      const done = () => options.signal.removeEventListener('abort', onAbort)
      const waiter: Waiter = {
        rank: reach[options.priority].rank,
        lowest,
        deadline: options.deadline,
        resolve: (release) => (done(), resolve(release)),
        reject: (error) => (done(), reject(error)),
      }
      options.signal.addEventListener('abort', onAbort, { once: true })
      const at = queue.findIndex((other) => other.rank > waiter.rank)
      queue.splice(at < 0 ? queue.length : at, 0, waiter)
      advance()
    })
  }

  /** Older than this, the row could run out under a request. */
  const fresh = () => performance.now() - askedAt < bounds.slotRenewMs
  /** While asked, the number in flight must stay as it was told. */
  const fits = (lowest: boolean) => !asking && used < held && (!lowest || usedLow < low)

  const soonest = () => Math.min(...queue.map(({ deadline }) => deadline))

  function occupy(lowest: boolean): () => void {
    used++
    peak = Math.max(peak, used)
    if (lowest) usedLow++
    let released = false
    return () => {
      if (released) return
      released = true
      used--
      if (lowest) usedLow--
      usedAt = performance.now()
      advance()
    }
  }

  function advance(): void {
    const now = performance.now()
    for (const waiter of queue.filter(({ deadline }) => deadline <= now)) {
      queue.splice(queue.indexOf(waiter), 1)
      waiter.reject(spent(bounds.refusedWaitMs))
    }
    while (queue.length > 0 && fresh()) {
      const at = queue.findIndex(({ lowest }) => fits(lowest))
      if (at < 0) break
      const [waiter] = queue.splice(at, 1)
      waiter!.resolve(occupy(waiter!.lowest))
    }
    clearTimeout(timer)
    if (queue.length > 0) {
      // An answer that does not come keeps nobody longer than it may wait.
      timer = setTimeout(advance, Math.max(1, soonest() - now))
      if (!asking) askForMore(now)
    } else if (!asking) giveBack(now)
  }

  function askForMore(now: number): void {
    const wanted = Math.min(used + queue.length, max)
    const pauseMs = wanted <= held ? bounds.slotShareMs : short ? bounds.slotRetryMs : 0
    const dueIn = fresh() ? askedAt + pauseMs - now : 0
    if (dueIn <= 0) {
      void ask(wanted)
    } else if (dueIn < soonest() - now) {
      clearTimeout(timer)
      timer = setTimeout(advance, Math.max(1, dueIn))
    }
  }

  /** What was not in flight of late goes back; one is kept for a while where there are many, so that a poll now and then
   * costs no statement. */
  function giveBack(now: number): void {
    if (held === 0) return
    const keepOne = max >= bounds.slotsToKeepOne && now - usedAt < bounds.slotRenewMs
    if (used === 0 && held === 1 && keepOne) {
      timer = setTimeout(advance, bounds.slotRenewMs).unref()
      return
    }
    const dueIn = lookedAt + bounds.slotShareMs - now
    if (dueIn <= 0) {
      const target = Math.max(peak, keepOne ? 1 : 0)
      lookedAt = now
      peak = used
      if (target < held) {
        void ask(target)
        return
      }
    }
    timer = setTimeout(advance, dueIn <= 0 ? bounds.slotShareMs : dueIn).unref()
  }

  async function ask(wanted: number): Promise<void> {
    asking = true
    try {
      const [row] = await sql<{ held: number; low: number }[]>`
        select * from quota_hold_v1(${credentialId}::uuid, ${key}, ${holder}::uuid, ${max}::int, ${wanted}::int, ${used}::int,
          ${bounds.slotTtlMs}::int)`
      held = row!.held
      low = row!.low
      short = held < wanted
      askedAt = performance.now()
    } catch (error) {
      for (const waiter of queue.splice(0)) waiter.reject(refusal(error))
    } finally {
      asking = false
      advance()
    }
  }

  return {
    acquire,
    async close() {
      if (held > used && !asking) await ask(used)
      clearTimeout(timer)
    },
    idle: (now) =>
      used === 0 && held === 0 && queue.length === 0 && !asking && now - usedAt > bounds.laneIdleMs,
  }
}
