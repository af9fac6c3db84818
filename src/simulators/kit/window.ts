import type { Now } from './clock.ts'

/** Counts what happened within the last `ms`, as rolling limits do. */
export type RollingWindow = { count(): number; add(): void }

export function createRollingWindow(ms: number, now: Now): RollingWindow {
  let times: number[] = []
  return {
    count: () => {
      const oldest = now() - ms
      if (times[0] !== undefined && times[0] <= oldest) times = times.filter((at) => at > oldest)
      return times.length
    },
    add: () => {
      times.push(now())
    },
  }
}
