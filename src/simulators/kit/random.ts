/** A seeded source of chance: the same seed tells the same story. */
export type Random = {
  /** In [0, 1). */
  next(): number
  /** A whole number, both ends included. */
  int(low: number, high: number): number
  pick<T>(items: readonly T[]): T
  chance(probability: number): boolean
  /** A key of `weights`, as often as its weight says. */
  weighted<T extends string>(weights: Record<T, number>): T
  /** Letters and digits. */
  text(length: number): string
  digits(length: number): string
}

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** mulberry32: 32 bits of state, good enough for test data, fast. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  const draw = (alphabet: string, length: number) => {
    let text = ''
    for (let index = 0; index < length; index++) {
      text += alphabet[Math.floor(next() * alphabet.length)]
    }
    return text
  }
  return {
    next,
    int,
    pick: (items) => {
      if (items.length === 0) throw new Error('nothing to pick from')
      return items[Math.floor(next() * items.length)]!
    },
    chance: (probability) => next() < probability,
    weighted: (weights) => {
      const entries = Object.entries(weights) as [keyof typeof weights, number][]
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [key, weight] of entries) {
        left -= weight
        if (left < 0) return key
      }
      return entries.at(-1)![0]
    },
    text: (length) => draw(letters, length),
    digits: (length) => draw('0123456789', length),
  }
}
