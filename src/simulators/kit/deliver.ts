/** Timers and tries of a simulated provider's webhooks. */
export type Deliveries = {
  /** Does something `waitMs` from now, unless closed before. */
  later(waitMs: number, act: () => void): void
  /**
   * POSTs until it is taken (any 2xx), with these waits between the tries; `send` makes each try's headers and body anew,
   * null: it is no longer wanted.
   */
  post(send: (tried: number) => Post | null, waitsMs: readonly number[], timeoutMs: number): void
  /** Gives up what is under way. */
  close(): void
}

export type Post = { url: string; headers: Record<string, string>; body: string }

export function createDeliveries(): Deliveries {
  const timers = new Set<NodeJS.Timeout>()
  const abort = new AbortController()
  const later = (waitMs: number, act: () => void) => {
    if (abort.signal.aborted) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      act()
    }, waitMs)
    timer.unref()
    timers.add(timer)
  }
  const attempt = async (
    send: (tried: number) => Post | null,
    waitsMs: readonly number[],
    timeoutMs: number,
    tried: number,
  ): Promise<void> => {
    const post = send(tried)
    if (post === null || (await taken(post, timeoutMs, abort.signal))) return
    const wait = waitsMs[tried]
    if (wait !== undefined) later(wait, () => void attempt(send, waitsMs, timeoutMs, tried + 1))
  }
  return {
    later,
    post: (send, waitsMs, timeoutMs) => void attempt(send, waitsMs, timeoutMs, 0),
    close: () => {
      abort.abort()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

async function taken(post: Post, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(post.url, {
      method: 'POST',
      headers: post.headers,
      body: post.body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
