import { fingerprint } from './crypto.ts'

/**
 * What a feed remembers in its cursor of the events it has handed on: for each second a run of 12-char marks, 8 of the
 * event's id and 4 of its object's. Bounded: of the older seconds only how many events there were. Events are only ever
 * added, so a second that holds no more than that holds nothing new; else it is handed on once more, which is harmless.
 */
export type Seen = Record<string, string | number>

const EVENTS_MAX = 3_000

const ID_CHARS = 8
const MARK_CHARS = 12

/** One event, as it is remembered. */
export type Mark = { second: number; text: string }

/** `object`: what the event is about, `customer cus_1`. */
export function markOf(second: number, id: string, object: string): Mark {
  const about = fingerprint(object).slice(0, MARK_CHARS - ID_CHARS)
  return { second, text: fingerprint(id).slice(0, ID_CHARS) + about }
}

/** `found`: how many events its second was found to hold, where it was read as a whole. */
export function hasSeen(seen: Seen, { second, text }: Mark, found = Infinity): boolean {
  const known = seen[second] ?? 0
  if (typeof known === 'number') return found <= known
  return positions(known, text.slice(0, ID_CHARS), 0).length > 0
}

/** True: another event of that object in that second is remembered. */
export function hasOther(seen: Seen, { second, text }: Mark): boolean {
  const run = seen[second] ?? ''
  if (typeof run === 'number') return true
  const same = positions(run, text.slice(ID_CHARS), ID_CHARS)
  return same.some((at) => !run.startsWith(text, at))
}

/**
 * Adds the marks (to a second of which only the number is known: all of its events), then forgets what is before
 * `sinceSecond`, and counts what is beyond `eventsMax` events; the newest second keeps its marks.
 */
export function remember(
  seen: Seen,
  marks: Mark[],
  sinceSecond: number,
  eventsMax = EVENTS_MAX,
): Seen {
  const all: Seen = { ...seen }
  for (const [second, found] of Map.groupBy(marks, (mark) => mark.second)) {
    const known = all[second] ?? ''
    const text = found.map((mark) => mark.text).join('')
    all[second] = typeof known === 'number' ? Math.max(known, found.length) : known + text
  }
  const kept: Seen = {}
  let room = eventsMax * MARK_CHARS
  for (const [at, second] of secondsOf(all).reverse().entries()) {
    if (second < sinceSecond) break
    const known = all[second]!
    if (typeof known === 'string') room -= known.length
    kept[second] = room >= 0 || at === 0 ? known : countIn(known)
  }
  return kept
}

/** How many events are remembered. */
export function countOf(seen: Seen): number {
  return Object.values(seen).reduce<number>((sum, known) => sum + countIn(known), 0)
}

/** The latest second from which on at least `count` events, or all whose marks are kept, are remembered; null: fewer are. */
export function secondOfNewest(seen: Seen, count: number): number | null {
  let left = count * MARK_CHARS
  for (const second of secondsOf(seen).reverse()) {
    const known = seen[second]!
    if (typeof known === 'number') return second + 1
    left -= known.length
    if (left <= 0) return second
  }
  return null
}

function countIn(known: string | number): number {
  return typeof known === 'number' ? known : known.length / MARK_CHARS
}

/** Oldest first. */
function secondsOf(seen: Seen): number[] {
  return Object.keys(seen)
    .map(Number)
    .sort((a, b) => a - b)
}

/** Where the marks begin that hold `part`, `offset` chars from their beginning. */
function positions(run: string, part: string, offset: number): number[] {
  const found: number[] = []
  for (let at = run.indexOf(part); at >= 0; at = run.indexOf(part, at + 1)) {
    if (at % MARK_CHARS === offset) found.push(at - offset)
  }
  return found
}
