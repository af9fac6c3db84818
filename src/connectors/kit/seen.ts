import { fingerprint } from './crypto.ts'

/**
 * What a feed remembers in its cursor of the events it has handed on: for each second a run of 12-char marks, 8 of the
 * event's id and 4 of its object's. Bounded: what is forgotten is handed on once more, which is harmless.
 */
export type Seen = Record<string, string>

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

export function hasSeen(seen: Seen, { second, text }: Mark): boolean {
  return positions(seen[second] ?? '', text.slice(0, ID_CHARS), 0).length > 0
}

/** True: another event of that object in that second is remembered. */
export function hasOther(seen: Seen, { second, text }: Mark): boolean {
  const run = seen[second] ?? ''
  const same = positions(run, text.slice(ID_CHARS), ID_CHARS)
  return same.some((at) => !run.startsWith(text, at))
}

/**
 * Adds the marks, then forgets what is before `sinceSecond`, and the oldest beyond `eventsMax` events. `since`: the second
 * from which on everything is remembered.
 */
export function remember(
  seen: Seen,
  marks: Mark[],
  sinceSecond: number,
  eventsMax = EVENTS_MAX,
): { seen: Seen; since: number } {
  const all: Seen = { ...seen }
  for (const { second, text } of marks) all[second] = (all[second] ?? '') + text
  const kept: Seen = {}
  let room = eventsMax * MARK_CHARS
  for (const second of secondsOf(all).reverse()) {
    if (second < sinceSecond) break
    room -= all[second]!.length
    if (room < 0) return { seen: kept, since: second + 1 }
    kept[second] = all[second]!
  }
  return { seen: kept, since: sinceSecond }
}

/** The latest second from which on at least `count` events are remembered; null where there are fewer. */
export function secondOfNewest(seen: Seen, count: number): number | null {
  let left = count * MARK_CHARS
  for (const second of secondsOf(seen).reverse()) {
    left -= seen[second]!.length
    if (left <= 0) return second
  }
  return null
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
