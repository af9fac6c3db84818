import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Client } from './deadline.ts'

/** The client of a request. Whether it is still there is the socket's own word, also where its answer waits for others. */
export class RequestClient implements Client {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  gone(): boolean {
    const { incoming } = (this.#context.env ?? {}) as Partial<HttpBindings>
    return incoming?.socket?.destroyed ?? this.signal().aborted
  }

  signal(): AbortSignal {
    return this.#context.req.raw.signal
  }
}
