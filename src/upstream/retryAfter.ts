/** Shortest and longest wait that a provider's word is taken for: below it is a storm, above it a mistake. */
export const WAIT_MIN_MS = 250
export const WAIT_MAX_MS = 3_600_000

/**
 * How long an answer tells to wait, in ms within [250 ms, 1 h]; null where it does not tell. Reads `Retry-After` in seconds
 * (fractions too) or as an HTTP date, which counts from the answer's own `Date` (the provider's clock, not ours), and the dialects `retry-after-ms` and `x-ratelimit-reset-after` (seconds).
 */
export function retryAfterMs(headers: Record<string, string>, nowMs: number): number | null {
  const ms = number(headers['retry-after-ms'])
  if (ms !== null) return clamp(ms)
  const told = headers['retry-after']
  const seconds = number(told) ?? number(headers['x-ratelimit-reset-after'])
  if (seconds !== null) return clamp(seconds * 1_000)
  // Date.parse takes '-5' for a date
  const date = told !== undefined && /^\s*[a-z]{3}/i.test(told) ? Date.parse(told) : Number.NaN
  if (Number.isNaN(date)) return null
  const sentAt = Date.parse(headers['date'] ?? '')
  return clamp(date - (Number.isNaN(sentAt) ? nowMs : sentAt))
}

function number(text: string | undefined): number | null {
  return text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null
}

function clamp(ms: number): number {
  return Math.min(WAIT_MAX_MS, Math.max(WAIT_MIN_MS, Math.round(ms)))
}
