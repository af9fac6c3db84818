import { openLine } from './line.ts'
import type { Line } from './line.ts'

export type Lines = {
  /** The text of the answer; throws on anything but 2xx. */
  call(method: 'GET' | 'POST', path: string, body?: string, signal?: AbortSignal): Promise<string>
  close(): void
}

/** Calls of the API at `port`, on as many lines as are under way at once. */
export function openLines(port: number, key: string): Lines {
  const free: Line[] = []
  return {
    async call(method, path, body = '', signal) {
      signal?.throwIfAborted()
      const known = free.pop()
      const line = known?.open === true ? known : await openLine(port)
      const hangUp = () => line.close()
      signal?.addEventListener('abort', hangUp)
      const { status, text } = await line.call(
        `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n` +
          (body === ''
            ? '\r\n'
            : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
      )
      signal?.removeEventListener('abort', hangUp)
      free.push(line)
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
      return text
    },
    close() {
      for (const line of free) line.close()
    },
  }
}
