import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** Whether a server could listen there right now. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/**
 * A port for an embedded part: the one it had before (so that what a person noted down stays right), else the first free one
 * of `preferred`, else any. Kept in `file`.
 */
export async function keptPort(file: string, preferred: number[]): Promise<number> {
  for (const port of [...remembered(file), ...preferred]) {
    if (await isFree(port)) return keep(file, port)
  }
  return keep(file, await anyFree())
}

export function anyFree(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

function remembered(file: string): number[] {
  try {
    const port = Number(readFileSync(file, 'utf8'))
    return Number.isInteger(port) && port > 0 && port < 65_536 ? [port] : []
  } catch {
    return []
  }
}

function keep(file: string, port: number): number {
  writeFileSync(file, `${port}\n`)
  return port
}
