import { apiFlags } from '../../src/main/embedded/child.ts'
import { anyFree } from '../../src/main/embedded/ports.ts'
import { gone, spawnNode, untilOk } from './stack.ts'

export type Bare = { port: number; stop(): Promise<void> }

/** The limit of this machine for two HTTP calls a record: node's own server as our API starts it, with nothing behind it. */
export async function startBare(records: number): Promise<Bare> {
  const port = await anyFree()
  const args = [...apiFlags, 'bench/peers/nodeHttp.ts', String(port), String(records)]
  const child = spawnNode(args, { PATH: process.env['PATH'] ?? '' })
  await untilOk(`http://127.0.0.1:${port}/`)
  return {
    port,
    async stop() {
      child.kill()
      await gone(child)
    },
  }
}
