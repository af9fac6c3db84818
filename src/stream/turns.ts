import { limits } from '../domain/limits.ts'
import type { Sql } from '../db/pools.ts'

type Turns = { busy: number; first: (() => void)[]; others: (() => void)[] }

const turns = new WeakMap<Sql, Map<number, Turns>>()

/**
 * Runs `write` when fewer than `writesAtOnce` pages of this stream are under way from this process. In the database they
 * would wait for the stream's lock, each with a connection that others need. `ahead`: before all that are not.
 */
export async function inTurn<T>(
  sql: Sql,
  streamNo: number,
  ahead: boolean,
  write: () => Promise<T>,
): Promise<T> {
  const streams = turns.get(sql) ?? new Map<number, Turns>()
  turns.set(sql, streams)
  const stream = streams.get(streamNo) ?? { busy: 0, first: [], others: [] }
  streams.set(streamNo, stream)
  if (stream.busy < limits.writesAtOnce) stream.busy += 1
  else await new Promise<void>((resolve) => (ahead ? stream.first : stream.others).push(resolve))
  try {
    return await write()
  } finally {
    const next = stream.first.shift() ?? stream.others.shift()
    // the turn is handed on, so that nobody comes in between
    if (next !== undefined) next()
    else if (--stream.busy === 0) streams.delete(streamNo)
  }
}
