export type Batches<Value> = {
  /** The value of an id in a group; undefined where the load knows none. Read after the call began, never before. */
  get(group: string, id: string): Promise<Value | undefined>
}

type Asked<Value> = {
  id: string
  resolve(value: Value | undefined): void
  reject(error: unknown): void
}

type Line<Value> = { waiting: Asked<Value>[]; loading: number }

/** More gain little, and one slow load would hold up too many. */
const idsMax = 100
const loadsAtOnce = 2

/**
 * Look-ups by id that go to the database together: who asks while two loads of its group are running waits for the next one, which
 * takes all that wait. One caller alone waits for nobody; under load a statement serves dozens. A failed load fails those who
 * were in it.
 */
export function createBatches<Value>(
  load: (group: string, ids: string[]) => Promise<Map<string, Value>>,
): Batches<Value> {
  const lines = new Map<string, Line<Value>>()
  return {
    get: async (group, id) =>
      await new Promise((resolve, reject) => {
        const line = lines.get(group) ?? { waiting: [], loading: 0 }
        lines.set(group, line)
        line.waiting.push({ id, resolve, reject })
        next(group, line)
      }),
  }

  function next(group: string, line: Line<Value>): void {
    if (line.waiting.length === 0) {
      if (line.loading === 0) lines.delete(group)
      return
    }
    if (line.loading >= loadsAtOnce) return
    const batch = line.waiting.splice(0, idsMax)
    line.loading += 1
    void serve(group, batch).finally(() => {
      line.loading -= 1
      next(group, line)
    })
  }

  async function serve(group: string, batch: Asked<Value>[]): Promise<void> {
    try {
      const values = await load(group, [...new Set(batch.map(({ id }) => id))])
      for (const { id, resolve } of batch) resolve(values.get(id))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
