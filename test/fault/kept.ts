import { setTimeout as delay } from 'node:timers/promises'
import type { Child } from '../../src/main/embedded/child.ts'

/** A process that is killed and started again, and whose every end is accounted for. */
export type Kept = {
  /** Resolves with what it said of itself when it serves. */
  start(): Promise<Child['info']>
  /** Times that it was stopped, and a half while it is down. */
  ends(): number
  /** Resolves when it serves (again). */
  ready(): Promise<void>
  /** SIGKILL, then a new one after `downMs`. False: it was not running anyway. */
  kill(downMs: number): Promise<boolean>
  /** The polite way, then a new one after `downMs`. */
  drain(downMs: number): Promise<boolean>
  /** SIGSTOP, and SIGCONT after `ms`. */
  freeze(ms: number): Promise<boolean>
  /** The polite way, for good. */
  end(): Promise<void>
}

/** What is frozen or told is left alone by all other actions. */
type State = 'down' | 'starting' | 'up' | 'told' | 'frozen'

/**
 * `launch` is given the number of the start. `fell` hears of each end that was not ours, or not as it should be. `disturbed`
 * counts the ends of what this process needs: where one of them ends too, it may cut its drain short with exit code 1.
 */
export function createKept(
  name: string,
  fell: (sentence: string) => void,
  launch: (start: number) => Promise<Child>,
  disturbed?: () => number,
): Kept {
  let state: State = 'down'
  let child: Child | null = null
  let starts = 0
  let becomesReady: Promise<void> = Promise.resolve()

  async function start(): Promise<Child['info']> {
    state = 'starting'
    starts += 1
    const begun = launch(starts)
    becomesReady = begun.then(
      () => undefined,
      () => undefined,
    )
    child = await begun
    state = 'up'
    const born = child
    void born.ended.then((how) => {
      if (child !== born || state !== 'up') return
      state = 'down'
      fell(`${name} ended by itself: ${how}`)
    })
    return child.info
  }

  async function again(downMs: number): Promise<void> {
    state = 'down'
    becomesReady = delay(downMs).then(async () => void (await start()))
    await becomesReady
  }

  return {
    start,
    ends: () => starts + (state === 'up' || state === 'frozen' ? 0 : 0.5),
    ready: async () => await becomesReady,
    async kill(downMs) {
      if (state !== 'up' || child === null) return false
      state = 'told'
      process.kill(child.pid, 'SIGKILL')
      await child.ended
      await again(downMs)
      return true
    },
    async drain(downMs) {
      if (state !== 'up' || child === null) return false
      await told(child)
      await again(downMs)
      return true
    },
    async freeze(ms) {
      if (state !== 'up' || child === null) return false
      const one = child
      state = 'frozen'
      process.kill(one.pid, 'SIGSTOP')
      await delay(ms)
      process.kill(one.pid, 'SIGCONT')
      state = 'up'
      return true
    },
    async end() {
      await becomesReady
      if (child !== null && child.running()) await told(child)
      state = 'down'
    },
  }

  async function told(one: Child): Promise<void> {
    state = 'told'
    if (disturbed === undefined) {
      await one.stop()
      return
    }
    const toldAtMs = performance.now()
    const before = disturbed()
    await one.stop()
    const how = await one.ended
    const afterMs = Math.round(performance.now() - toldAtMs)
    const excused = how === 'exit code 1' && (before !== disturbed() || !Number.isInteger(before))
    if (how !== 'exit code 0' && !excused)
      fell(`${name} (${one.pid}) was told to end, and ended after ${afterMs} ms with ${how}`)
  }
}
