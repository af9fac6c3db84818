import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../domain/error.ts'
import type { Part } from './embedded/part.ts'
import { byStopOrder, type Home, type PartName } from './home.ts'

/** What `npm start` runs: every part is known from the moment that its start begins, so that nothing escapes the stop. */
export type Tree = {
  /** A part without which nothing works: when it ends by itself, `broken` rejects. */
  start<P extends Part>(name: PartName, launch: () => Promise<P>): Promise<P>
  /** One of our own processes: when it ends by itself it is started again, after 1 s, then 2 s, up to 30 s. */
  keep<P extends Part>(name: PartName, launch: () => Promise<P>): Promise<P>
  broken: Promise<never>
  /** Stops all in order, the ones of the first start included that is still under way. */
  stop(onStopped: (name: PartName, ms: number) => void): Promise<void>
}

const RESTART_MS = { first: 1_000, most: 30_000 }
/** A part that ran this long had no trouble starting: its next restart is soon again. */
const SETTLED_MS = 60_000

export function createTree(home: Home, say: (line: string) => void): Tree {
  const parts = new Map<PartName, Promise<Part>>()
  let stopping = false
  let breakWith: (error: Error) => void = () => undefined
  const broken = new Promise<never>((_, reject) => (breakWith = reject))
  broken.catch(() => undefined)

  async function begin<P extends Part>(name: PartName, launch: () => Promise<P>): Promise<P> {
    if (stopping)
      throw new AppError('stopped', `${name} is not started any more: all is being stopped.`)
    const started = launch().then((part) => {
      home.remember(name, part.identity)
      return part
    })
    parts.set(name, started)
    return started
  }

  async function watch(name: PartName, launch: () => Promise<Part>, first: Part): Promise<void> {
    let part: Part | null = first
    let since = Date.now()
    let waitMs = RESTART_MS.first
    for (;;) {
      if (part !== null) {
        const how = await part.ended
        if (stopping) return
        if (Date.now() - since > SETTLED_MS) waitMs = RESTART_MS.first
        say(`${name} ended by itself (${how}); it is started again in ${waitMs / 1000} s`)
      }
      await delay(waitMs, undefined, { ref: false })
      if (stopping) return
      waitMs = Math.min(waitMs * 2, RESTART_MS.most)
      since = Date.now()
      part = await begin(name, launch).catch((error: unknown) => {
        if (!stopping)
          say(`${name} did not start: ${error instanceof Error ? error.message : error}`)
        return null
      })
      if (part !== null) say(`${name} is up again`)
    }
  }

  async function breakAtEnd(name: PartName, part: Part): Promise<void> {
    const how = await part.ended
    if (stopping) return
    const where = `its log is ${home.shown(`${name}/log`)}`
    const sentence = `${name} ended by itself (${how}), and nothing works without it; ${where}. Start again.`
    breakWith(new AppError('transient', sentence))
  }

  return {
    broken,
    start: async (name, launch) => {
      const part = await begin(name, launch)
      void breakAtEnd(name, part)
      return part
    },
    keep: async (name, launch) => {
      const part = await begin(name, launch)
      void watch(name, launch, part)
      return part
    },
    stop: async (onStopped) => {
      stopping = true
      for (const name of [...parts.keys()].sort(byStopOrder)) {
        const part = await parts.get(name)?.catch(() => undefined)
        if (part === undefined) continue
        const began = Date.now()
        await part.stop()
        home.forget(name)
        onStopped(name, Date.now() - began)
      }
    },
  }
}
