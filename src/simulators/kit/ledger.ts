import { openJournal } from './journal.ts'
import type { Journal } from './journal.ts'

/** Changes of a simulated account, each all or nothing, remembered in a directory or not at all. */
export type Ledger<Op> = {
  /** True: read from the directory, not new. */
  restored: boolean
  /** Applies an operation, and writes it down with the others of the change around it. */
  record(op: Op): void
  /** Runs `work` and writes down what it recorded in one piece, before it returns. */
  change<T>(work: () => T): T
  close(): void
}

const rewriteBytes = 64 * 1024 * 1024

/**
 * Opens the ledger in `dir` (null: memory only) and applies what stands in it. `everything` tells the whole account in
 * operations: a new ledger begins with it, and one that grew too long is replaced by it.
 */
export function openLedger<Op>(
  dir: string | null,
  apply: (op: Op) => void,
  everything: () => Iterable<Op[]>,
): Ledger<Op> {
  let restored = false
  let pending: Op[] = []
  let depth = 0
  let journal: Journal | null = null
  if (dir !== null) {
    journal = openJournal(dir, (line) => {
      restored = true
      for (const op of line as Op[]) apply(op)
    })
    if (!restored) journal.rewrite(everything())
  }
  const commit = () => {
    if (journal === null || pending.length === 0) return
    const ops = pending
    pending = []
    journal.append(ops)
    if (journal.size > 2 * journal.baseSize + rewriteBytes) journal.rewrite(everything())
  }
  const ledger: Ledger<Op> = {
    restored,
    record: (op) => {
      apply(op)
      if (journal === null) return
      pending.push(op)
      if (depth === 0) commit()
    },
    change: (work) => {
      depth += 1
      try {
        return work()
      } finally {
        depth -= 1
        if (depth === 0) commit()
      }
    },
    close: () => journal?.close(),
  }
  return ledger
}
