const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s`, `15m`, `4h`, `7d` → milliseconds; null: no duration. */
export function durationMs(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? []
  return count === undefined || unit === undefined
    ? null
    : Number(count) * units[unit as keyof typeof units]
}
