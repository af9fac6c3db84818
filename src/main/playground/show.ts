import { setTimeout as delay } from 'node:timers/promises'
import type { Running } from '../bringUp.ts'
import { heightOf, type Screen } from '../screen.ts'
import { createApi } from './api.ts'
import { createProgress, type SyncView } from './progress.ts'
import { setUpPlayground } from './setUp.ts'

/** Without a terminal: a line each so often while something moves, and seldom at rest. */
const LINE_EVERY_MS = { moving: 5_000, resting: 60_000 }

/** Sets the playground up and shows how it is synced, until `signal` ends it. An API that is away for a moment is no reason to stop. */
export async function showPlayground(options: {
  running: Running
  screen: Screen
  next: (consumerId: string | null) => string[]
  signal: AbortSignal
}): Promise<void> {
  const { running, screen, signal } = options
  const api = createApi(running.api, running.apiKey, signal)
  try {
    const { syncIds, consumerId } = await setUpPlayground(api, running.simulated)
    const next = options.next(consumerId)
    if (!screen.live || syncIds.length === 0) screen.line(`\n${next.join('\n')}\n`)
    const progress = createProgress()
    const due = lineTimer()
    while (!signal.aborted && syncIds.length > 0) {
      const asked = syncIds.map((id) => api.get<SyncView>(`/v1/syncs/${id}`))
      const syncs = await Promise.all(asked).catch(() => null)
      if (syncs !== null) {
        progress.see(syncs, Date.now())
        const { rows, columns } = screen.size()
        const room = rows - heightOf(next, columns) - 3
        if (screen.live) screen.block(['', ...progress.table(room), '', ...next])
        else if (due(progress.moving(), Date.now())) screen.line(progress.sentence())
      }
      await delay(1_000, undefined, { signal })
    }
  } catch (error) {
    if (signal.aborted) return
    screen.line(
      `The playground could not be set up: ${error instanceof Error ? error.message : error}`,
    )
    screen.line(options.next(null).join('\n'))
  }
}

/** Whether a line is due: now and then, and at once when what moved comes to rest. */
function lineTimer(): (moving: boolean, atMs: number) => boolean {
  let last = { moving: false, atMs: 0 }
  return (moving, atMs) => {
    const every = moving ? LINE_EVERY_MS.moving : LINE_EVERY_MS.resting
    if (atMs - last.atMs < every && moving === last.moving) return false
    last = { moving, atMs }
    return true
  }
}
