import { canonical } from '../../domain/rawJson.ts'

/** Records of one collection by upstream id, as their JSON text. */
export type Texts = ReadonlyMap<string, string>

export type Comparison = {
  collection: string
  account: number
  stream: number
  /** In the account, not in the stream. */
  missing: string[]
  /** In the stream as if alive, not in the account. */
  extra: string[]
  /** In both, with other data. */
  different: string[]
}

/** Same ids, same data: text that differs only in spacing or order of keys is the same, and so is what is `volatile`. */
export function compare(
  collection: string,
  account: Texts,
  stream: Texts,
  volatile: string[],
): Comparison {
  const missing: string[] = []
  const different: string[] = []
  for (const [id, text] of account) {
    const ours = stream.get(id)
    if (ours === undefined) missing.push(id)
    else if (ours !== text && canonical(ours, volatile) !== canonical(text, volatile))
      different.push(id)
  }
  const extra = [...stream.keys()].filter((id) => !account.has(id))
  return { collection, account: account.size, stream: stream.size, missing, extra, different }
}

export function isEqual(comparisons: Comparison[]): boolean {
  return comparisons.every((each) => wrong(each) === 0)
}

/** One line a collection, and what is wrong with examples. */
export function comparisonTable(comparisons: Comparison[]): string[] {
  const row = (cells: (string | number)[]): string =>
    `  ${String(cells[0]).padEnd(30)}${cells
      .slice(1)
      .map((cell) => String(cell).padStart(11))
      .join('')}`
  return [
    row(['collection', 'account', 'stream', 'missing', 'extra', 'different']),
    ...comparisons.map((each) =>
      row([
        each.collection,
        each.account,
        each.stream,
        each.missing.length,
        each.extra.length,
        each.different.length,
      ]),
    ),
    row([
      'all',
      sum(comparisons, (c) => c.account),
      sum(comparisons, (c) => c.stream),
      ...(['missing', 'extra', 'different'] as const).map((key) =>
        sum(comparisons, (c) => c[key].length),
      ),
    ]),
    ...comparisons.filter((each) => wrong(each) > 0).map(examples),
  ]
}

function examples(each: Comparison): string {
  const some = (['missing', 'extra', 'different'] as const)
    .filter((key) => each[key].length > 0)
    .map((key) => `${key} ${each[key].slice(0, 3).join(', ')}`)
  return `  ${each.collection}: ${some.join('; ')}`
}

/** How many records of a collection differ. */
export function wrong(each: Comparison): number {
  return each.missing.length + each.extra.length + each.different.length
}

function sum(comparisons: Comparison[], of: (each: Comparison) => number): number {
  return comparisons.reduce((total, each) => total + of(each), 0)
}
