/** Milliseconds of a date as HubSpot writes it: ISO 8601 with or without milliseconds, epoch milliseconds, a date alone. */
export function msOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || value === '') return null
  if (/^-?\d{5,}$/.test(value)) return Number(value)
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? null : ms
}

export function microsOf(value: unknown): number | null {
  const ms = msOf(value)
  return ms === null ? null : Math.round(ms * 1_000)
}

/** Until the next midnight of a time zone; one that is unknown counts as UTC. */
export function untilMidnightMs(nowMs: number, timeZone: string | undefined): number {
  const [hour, minute, second] = clockAt(nowMs, timeZone) ?? clockAt(nowMs, 'UTC')!
  const dayMs = 86_400_000
  const gone = ((hour! % 24) * 3_600 + minute! * 60 + second!) * 1_000
  return dayMs - gone
}

function clockAt(nowMs: number, timeZone: string | undefined): number[] | null {
  try {
    const format = new Intl.DateTimeFormat('en-GB', {
      timeZone: timeZone ?? 'UTC',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
    return format.format(nowMs).split(':').map(Number)
  } catch {
    return null
  }
}
