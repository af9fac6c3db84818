export type Random = {
  /** 0 ≤ x < 1 */
  next(): number
  /** 0 … n-1 */
  int(n: number): number
  chance(share: number): boolean
  pick<T>(from: readonly T[]): T
  /** A generator of its own, so that one actor's draws do not depend on the pace of the others. */
  fork(): Random
}

/** mulberry32. The seed gives the plan of every actor; how they interleave is the machine's. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (n: number) => Math.floor(next() * n)
  return {
    next,
    int,
    chance: (share) => next() < share,
    pick: (from) => from[int(from.length)]!,
    fork: () => createRandom(int(4_294_967_296)),
  }
}
