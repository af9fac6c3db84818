import { setImmediate as turn } from 'node:timers/promises'
import type { Sql } from '../db/pools.ts'
import { AppError } from '../domain/error.ts'
import { release } from './answers.ts'
import type { Answer } from './answers.ts'
import { Lane } from './lane.ts'
import { claim } from './next.ts'
import type { ConsumerRef, Item } from './next.ts'
import { Tally } from './tally.ts'
import { decodeToken } from './token.ts'
import type { Token } from './token.ts'

/** Tells that nobody waits for the answer any more. An AbortSignal is one. */
export type HungUp = {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export type NextAnswer = { items: Item[]; info: { numPending: number; numAckPending: number } }

/** Nobody waits longer than this without looking: a wake-up may be lost, a redelivery become due. */
const fallbackMs = 1000
/** A consumer that the stream's words bring nothing looks up to so much later, more with each. */
const vainMsMax = 50
const vainMsEach = 10
/** Records in one claim, however many calls wait: bounds the memory of an answer. */
const claimMax = 2000
/**
 * Calls in one claim. All at once, hundreds of workers move in step, and database and process wait for each other: a fifth of
 * the time. With 256 workers of one record: 14,500/s without a bound, 16,000 at 128, 17,400 at 64, 16,400 at 48, 14,200 at 32.
 */
const callsMax = 64

type Asked = { consumer: ConsumerRef; batchSize: number; waitMs: number; signal: HungUp }

type Call = {
  want: number
  /** By performance.now(). */
  deadline: number
  /** A claim that began after the call came has found nothing for it. */
  attempted: boolean
  signal: HungUp
  watched: boolean
  resolve(answer: NextAnswer): void
  reject(error: unknown): void
}

/**
 * One consumer in this process: one claim loop for all calls of `next` that wait, one lane for each kind of answer. Many
 * workers that claim by themselves would fight for the lock of the consumer's state row; one loop serves them all.
 */
export class Desk {
  readonly #sql: Sql
  readonly #delivered: (n: number) => void
  readonly #tally: Tally
  #consumer: ConsumerRef
  #calls: Call[] = []
  #running: Promise<void> | null = null
  #lanes = new Map<string, Lane>()
  /** Counts what may have brought something to claim; the loop compares. */
  #signals = 0
  #wakeUp: (() => void) | null = null
  /** Looks in a row that were made because of a signal and found nothing. */
  #vain = 0
  #closed = false

  /** `delivered` counts what was handed out. */
  constructor(sql: Sql, consumer: ConsumerRef, delivered: (n: number) => void) {
    this.#sql = sql
    this.#consumer = consumer
    this.#delivered = delivered
    this.#tally = new Tally(sql)
  }

  get idle(): boolean {
    return this.#running === null && [...this.#lanes.values()].every((lane) => lane.idle)
  }

  get waiting(): number {
    return this.#calls.length
  }

  /** The stream moved: perhaps by something for this consumer. */
  signal(): void {
    this.#signals++
    this.#tally.moved()
    this.#wakeUp?.()
  }

  /** Its options changed, or it is gone: whoever waits looks at once. */
  changed(): void {
    this.#tally.forget()
    this.#deliverable()
  }

  /** Something of this consumer became deliverable: no look for it is in vain. */
  #deliverable(): void {
    this.#vain = 0
    this.signal()
  }

  next({ consumer, batchSize, waitMs, signal }: Asked): Promise<NextAnswer> {
    this.#consumer = consumer
    return new Promise((resolve, reject) => {
      if (this.#closed || signal.aborted) return resolve(this.#answer([]))
      if (this.#calls.length >= consumer.maxWaiting) this.#dismiss()
      if (this.#calls.length >= consumer.maxWaiting) return reject(tooMany(consumer))
      const deadline = performance.now() + waitMs
      const told = { attempted: false, watched: false }
      this.#calls.push({ want: batchSize, deadline, signal, ...told, resolve, reject })
      this.#running ??= this.#run()
      this.#wakeUp?.()
    })
  }

  /** How many tokens counted, and how many named nothing any more. */
  async send(said: Answer, tokens: string[]): Promise<{ done: number; stale: number }> {
    const ours = this.#ours(tokens)
    if (ours.length === 0) return { done: 0, stale: tokens.length }
    const key = said.kind === 'ack' ? 'ack' : JSON.stringify(said)
    const lane = this.#lanes.get(key) ?? new Lane(this.#sql, this.#consumer.consumerNo, said)
    this.#lanes.set(key, lane)
    try {
      const stale = await lane.send(ours)
      const done = ours.length - stale
      if (said.kind !== 'extend') this.#tally.settled(done, said.kind === 'nack')
      if (done > 0) this.#answered(said)
      return { done, stale: tokens.length - done }
    } finally {
      if (said.kind !== 'ack' && lane.idle) this.#lanes.delete(key)
    }
  }

  async release(tokens: string[]): Promise<void> {
    const ours = this.#ours(tokens)
    if (ours.length === 0) return
    await release(this.#sql, this.#consumer.consumerNo, ours)
    this.#tally.settled(ours.length, true)
    this.#deliverable()
  }

  /** Answers waiting calls empty, hands back what is being claimed, and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#calls.length > 0) this.#settle(this.#calls[0]!)
    this.#wakeUp?.()
    await this.#running
    await Promise.all([...this.#lanes.values()].map((lane) => lane.settled()))
  }

  async #run(): Promise<void> {
    let woken = false
    let left = false
    while (this.#calls.length > 0) {
      // who called meanwhile is served by the same claim; where calls are left over, it is for them, and goes out at once
      if (!left) await turn()
      const signals = this.#signals
      const asking = [...this.#calls]
      if (asking.length === 0) break
      const want = Math.min(
        claimMax,
        asking.slice(0, callsMax).reduce((sum, call) => sum + call.want, 0),
      )
      try {
        const items = await claim(this.#sql, this.#consumer, want)
        if (items.length > 0) this.#vain = 0
        else if (woken) this.#vain++
        await this.#tally.claimed(this.#consumer.consumerNo, items)
        await this.#handOut(items)
        left = items.length >= want
        if (left) continue
        // less than was asked for: nothing is left, for whoever came before it
        for (const call of asking) call.attempted = true
        woken = await this.#rest(signals)
      } catch (error) {
        left = false
        for (const call of asking) this.#settle(call, error)
      }
    }
    this.#running = null // in the same tick as the look at #calls, so that no call falls between the two
  }

  /** In the order they came, as much as each asked for; what nobody is there for any more is handed back. */
  async #handOut(items: Item[]): Promise<void> {
    let from = 0
    while (from < items.length && this.#calls.length > 0) {
      const call = this.#calls[0]!
      if (call.signal.aborted) {
        this.#settle(call)
        continue
      }
      const share = items.slice(from, from + call.want)
      from += share.length
      this.#calls.shift()
      call.resolve(this.#answer(share))
    }
    this.#delivered(from)
    if (from < items.length) await this.release(items.slice(from).map(({ ackToken }) => ackToken))
  }

  /**
   * Until there may be something to claim; calls whose time is over meanwhile are answered. True: because of a signal. Hundreds
   * of consumers of a busy stream that nothing in it fits must not look each time that it moves.
   */
  async #rest(signals: number): Promise<boolean> {
    const began = performance.now()
    const until = began + fallbackMs
    for (;;) {
      const now = performance.now()
      const over = ({ attempted, deadline, signal }: Call) =>
        signal.aborted || (attempted && deadline <= now)
      for (const call of this.#calls.filter(over)) this.#settle(call)
      for (const call of this.#calls) this.#watch(call)
      const fresh = this.#calls.some(({ attempted }) => !attempted)
      if (this.#calls.length === 0 || fresh || now >= until) return false
      const signalled = this.#signals !== signals
      const signalsFrom = began + Math.min(this.#vain * vainMsEach, vainMsMax)
      if (signalled && now >= signalsFrom) return true
      const due = this.#calls.map(({ deadline }) => deadline)
      await this.#sleep(Math.min(until, signalled ? signalsFrom : until, ...due) - now)
    }
  }

  /** Only calls that stay listen for their client: most are answered by the first claim, and asked then. */
  #watch(call: Call): void {
    if (call.watched) return
    call.watched = true
    const { signal, resolve } = call
    const hungUp = () => this.#settle(call)
    signal.addEventListener('abort', hungUp)
    call.resolve = (answer) => {
      signal.removeEventListener('abort', hungUp)
      resolve(answer)
    }
  }

  /** Calls whose clients have hung up, where a claim under way has not let that be seen yet. */
  #dismiss(): void {
    for (const call of this.#calls.filter(({ signal }) => signal.aborted)) this.#settle(call)
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, Math.ceil(ms)))
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wakeUp = null
  }

  #settle(call: Call, error?: unknown): void {
    const at = this.#calls.indexOf(call)
    if (at < 0) return
    this.#calls.splice(at, 1)
    if (error === undefined) call.resolve(this.#answer([]))
    else call.reject(error)
    if (this.#calls.length === 0) this.#wakeUp?.()
  }

  #answer(items: Item[]): NextAnswer {
    const { numPending, numAckPending } = this.#tally
    return { items, info: { numPending, numAckPending } }
  }

  /** Garbage, and tokens of other consumers, name nothing; so does a token that is given twice. */
  #ours(tokens: string[]): Token[] {
    const ours: Token[] = []
    for (const text of new Set(tokens)) {
      const token = decodeToken(text)
      if (token?.consumerNo === this.#consumer.consumerNo) ours.push(token)
    }
    return ours
  }

  /** A nack, or the ack of a version that a newer one waited for, makes something deliverable now or soon. */
  #answered(said: Answer): void {
    if (said.kind === 'extend') return
    const delayMs = said.kind === 'nack' ? (said.delayMs ?? 0) : 0
    if (delayMs === 0) this.#deliverable()
    else if (delayMs < fallbackMs) setTimeout(() => this.#deliverable(), delayMs).unref()
  }
}

function tooMany({ maxWaiting }: ConsumerRef): AppError {
  return new AppError(
    'rate_limited',
    `${maxWaiting} calls of next are waiting already, which is max_waiting of this consumer. Use fewer workers, larger batches, or raise max_waiting.`,
    { code: 'too-many-waiting', retryAfterMs: 1000 },
  )
}
