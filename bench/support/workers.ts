import { fork } from 'node:child_process'
import { join } from 'node:path'
import { gone } from './stack.ts'

/** Takes and acks over HTTP until nothing comes any more, spread over `apis`. */
export type Job = {
  apis: { port: number; key: string }[]
  consumerId: string
  workers: number
  batch: number
  /** Acks in the next call, not in one of its own. */
  swaps: boolean
}

/** `cpuUs`: processor time, in µs. */
export type Done = { acked: number; seconds: number; cpuUs: number }

export type Workers = { run(job: Job): Promise<Done>; stop(): Promise<void> }

/**
 * Workers in a process of their own, as users have them, and as the peers have theirs. Beside a dispatcher and its pools in one
 * process the same client cost 35 µs a record, not 25.
 */
export function startWorkers(): Workers {
  const child = fork(join(import.meta.dirname, 'working.ts'))
  return {
    run: async (job) =>
      await new Promise((resolve, reject) => {
        const ended = (code: number | null) => reject(new Error(`The workers ended with ${code}`))
        child.once('exit', ended)
        child.once('message', (done: Done) => {
          child.off('exit', ended)
          resolve(done)
        })
        child.send(job)
      }),
    async stop() {
      // one that died of its job has hung up by itself
      if (child.connected) child.disconnect()
      await gone(child)
    },
  }
}
