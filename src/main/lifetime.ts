/** How long a process may take to drain before it ends itself, whatever is still open. */
const DRAIN_MS = 9_000

/**
 * Resolves with the reason when this process is told to end: by a signal, or because the process that forked it is gone
 * (the channel to it closes, also when that one was killed). Told again, it goes on draining; it never hangs.
 */
export function untilTold(): Promise<string> {
  return new Promise((resolve) => {
    const told = (reason: string): void => {
      setTimeout(() => process.exit(1), DRAIN_MS).unref()
      resolve(reason)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => told(signal))
    const orphaned = (): void => told('the process that started this one is gone')
    process.on('disconnect', orphaned)
    // It may have gone while our modules were being loaded.
    if (process.send !== undefined && !process.connected) orphaned()
  })
}

/** Tells the process that forked this one (if one did) that it serves now. */
export function tellReady(info: Record<string, string | number>): void {
  if (process.connected) process.send?.({ type: 'ready', info })
}
