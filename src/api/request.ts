import type { Context } from 'hono'
import { AppError } from '../domain/error.ts'
import { keyHashOf } from './auth.ts'
import type { Client } from './deadline.ts'
import { isStorable, readBody } from './input.ts'

/** A request as run.ts wants it, whoever brought it: Hono (below), or node's server itself (direct.ts). */
export type ApiRequest = Client & {
  path: string
  /** What stands behind the question mark, as it came. */
  search: string
  /** Out of the path, decoded. Throws `not_found` for what names nothing. */
  params(): Record<string, string>
  /** By its name in lower case. Several of one name are joined by commas; null: there is none. */
  header(name: string): string | null
  headers(): Headers
  /** Hash of the API key that it came with. Throws `unauthenticated`. */
  keyHash(): string
  /** The whole of it. Throws `too_large` above 1 MB, and `invalid` where the connection ends before. */
  body(): Buffer | Promise<Buffer>
}

export type ApiResponse = {
  status: number
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer> | null
}

/** A request that Hono brought. */
export class HonoRequest implements ApiRequest {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  get path(): string {
    return this.#context.req.path
  }

  get search(): string {
    const { url } = this.#context.req
    const at = url.indexOf('?')
    return at < 0 ? '' : url.slice(at + 1)
  }

  params(): Record<string, string> {
    const params = this.#context.req.param() as Record<string, string>
    if (Object.values(params).every((value) => isStorable(value) && value.length <= 1000))
      return params
    throw new AppError('not_found', 'There is nothing at this path.')
  }

  header(name: string): string | null {
    return this.#context.req.raw.headers.get(name)
  }

  headers(): Headers {
    return this.#context.req.raw.headers
  }

  keyHash(): string {
    return keyHashOf(this.header('authorization'))
  }

  body(): Promise<Buffer> {
    return readBody(this.#context.req.raw)
  }

  gone(): boolean {
    return this.signal().aborted
  }

  signal(): AbortSignal {
    return this.#context.req.raw.signal
  }
}

export function honoResponse({ status, headers, body }: ApiResponse): Response {
  return new Response(body, { status, headers })
}
