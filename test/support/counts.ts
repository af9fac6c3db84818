/** What happened, and what must not have happened. */
export type Counts = {
  add(name: string, n?: number): void
  /** Keeps the first few sentences of each kind, counts all. */
  violation(kind: string, sentence: string): void
  violations(): number
  all(): Record<string, number>
  print(): string
}

const sentencesMax = 5

export function createCounts(): Counts {
  const counts = new Map<string, number>()
  const broken = new Map<string, { n: number; sentences: string[] }>()
  return {
    add(name, n = 1) {
      counts.set(name, (counts.get(name) ?? 0) + n)
    },
    violation(kind, sentence) {
      const entry = broken.get(kind) ?? { n: 0, sentences: [] }
      broken.set(kind, entry)
      entry.n++
      if (entry.sentences.length < sentencesMax) entry.sentences.push(sentence)
    },
    violations: () => [...broken.values()].reduce((sum, { n }) => sum + n, 0),
    all: () => Object.fromEntries(counts),
    print() {
      const happened = [...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, n]) => `${name} ${n}`)
      const lines = [...broken].flatMap(([kind, { n, sentences }]) => [
        `VIOLATED: ${kind}, ${n} times`,
        ...sentences.map((sentence) => `  ${sentence}`),
      ])
      return [happened.join(' · '), ...lines].join('\n')
    },
  }
}
