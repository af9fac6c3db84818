import { setImmediate as turn } from 'node:timers/promises'
import type { Sql } from '../db/pools.ts'
import { answer } from './answers.ts'
import type { Answer } from './answers.ts'
import type { Token } from './token.ts'

/** Tokens in one statement. */
const batchMax = 10_000

type Waiting = { tokens: Token[]; resolve(stale: number): void; reject(error: unknown): void }

/**
 * Answers of one kind to one consumer: while a statement is under way those that come collect, and go together in the
 * next one. Claims of a consumer are serial in the database, so more statements at once would only wait for each other.
 */
export class Lane {
  readonly #sql: Sql
  readonly #consumerNo: number
  readonly #said: Answer
  #waiting: Waiting[] = []
  #running: Promise<void> | null = null

  constructor(sql: Sql, consumerNo: number, said: Answer) {
    this.#sql = sql
    this.#consumerNo = consumerNo
    this.#said = said
  }

  get idle(): boolean {
    return this.#running === null
  }

  /** Ends when nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#running
  }

  /** Resolves to how many of the tokens were stale. */
  send(tokens: Token[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ tokens, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await turn() // what lies in the sockets by now goes along
      const batch = this.#take()
      try {
        const stale = new Set(
          await answer(
            this.#sql,
            this.#consumerNo,
            this.#said,
            batch.flatMap(({ tokens }) => tokens),
          ),
        )
        let position = 0
        for (const { tokens, resolve } of batch) {
          let count = 0
          for (let i = 0; i < tokens.length; i++) if (stale.has(position++)) count++
          resolve(count)
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = null // in the same tick as the look at #waiting
  }

  #take(): Waiting[] {
    let tokens = 0
    let count = 0
    for (const waiting of this.#waiting) {
      if (count > 0 && tokens + waiting.tokens.length > batchMax) break
      tokens += waiting.tokens.length
      count++
    }
    return this.#waiting.splice(0, count)
  }
}
