/** Milliseconds since 1970. */
export type Now = () => number

/** A clock that moves only when told to. */
export function createManualClock(startMs: number): { now: Now; advance(ms: number): void } {
  let at = startMs
  return {
    now: () => at,
    advance: (ms) => {
      at += ms
    },
  }
}
