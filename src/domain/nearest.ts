/** The known name that is meant, or null where none is near: `steam_id` → `stream_id`. */
export function nearest(name: string, known: string[]): string | null {
  if (name.length > 100) return null
  const wanted = plain(name)
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const known = plain(candidate)
    // `ack_wait` for `ack_wait_ms`: a name without its unit
    const shortened = wanted !== '' && known.startsWith(`${wanted}_`)
    const distance = shortened ? 1 : distanceOf(wanted, known)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** `maxAgeDays`, `max-age-days` and `max_age_days` are the same to a person. */
function plain(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/[- ]/g, '_')
    .toLowerCase()
}

/** Edits between two short texts; swapped neighbours count once. */
function distanceOf(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + same,
        swapped ? before[j - 2]! + 1 : Infinity,
      )
    }
    before = row
    row = next
  }
  return row[b.length]!
}
