import { assert } from './error.ts'

/**
 * Cuts a record's own text out of a provider's answer, so that nothing between provider and consumer prints it anew:
 * a parse and re-print turns 9007199254740993 into …992 and `1.0` into `1`, and moves integer-like keys.
 *
 * Every function wants text that `JSON.parse` accepts (connectors parse each answer before they cut it) and scans it
 * without recursion. Of a key that stands twice in an object the last one counts, as in `JSON.parse`.
 */

const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/** Up to here a string is read char by char, beyond it `indexOf` is faster. */
const SHORT_STRING = 24

/** Raw texts of the elements of the array at `path` (`[]`: the root). Throws where no array stands there. */
export function elements(text: string, path: string[]): string[] {
  let raws = null as string[] | null
  // cut on the way past: a page is nearly all array, and scanning it twice would cost as much again
  locate(text, path, (at) => {
    raws = null
    if (text.charCodeAt(at) !== OPEN_BRACKET) return skipValue(text, at)
    raws = []
    return skipArray(text, at, raws)
  })
  assert(raws, `an array at ${path.join('.')}`)
  return raws
}

/** Past the array that begins at `at`; its elements go to `raws`. */
function skipArray(text: string, at: number, raws: string[]): number {
  let i = skipSpace(text, at + 1)
  while (text.charCodeAt(i) !== CLOSE_BRACKET) {
    const end = skipValue(text, i)
    raws.push(text.slice(i, end))
    i = skipSpace(text, end)
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1)
  }
  return i + 1
}

/** Raw text of the member at `path`; undefined where there is none. */
export function member(text: string, path: string[]): string | undefined {
  const found = locate(text, path)
  return found && text.slice(found.start, found.end)
}

/** The same text with `raw` in place of the value of the member at `path`, which must be there. */
export function replaceMember(text: string, path: string[], raw: string): string {
  const found = locate(text, path)
  assert(found, `a member at ${path.join('.')}`)
  return text.slice(0, found.start) + raw + text.slice(found.end)
}

/** Where the value at `path` begins and ends. `skipFound` reads past a value found there, of equal keys past each. */
function locate(
  text: string,
  path: string[],
  skipFound: (at: number) => number = (at) => skipValue(text, at),
): { start: number; end: number } | undefined {
  let start = skipSpace(text, 0)
  let end = -1
  for (const [depth, name] of path.entries()) {
    if (text.charCodeAt(start) !== OPEN_BRACE) return undefined
    const last = depth === path.length - 1
    let found = -1
    let i = skipSpace(text, start + 1)
    while (text.charCodeAt(i) !== CLOSE_BRACE) {
      const keyEnd = skipString(text, i)
      const at = skipSpace(text, skipSpace(text, keyEnd) + 1)
      const named = isKey(text, i, keyEnd, name)
      const after = named && last ? skipFound(at) : skipValue(text, at)
      if (named) {
        found = at
        end = after
      }
      i = skipSpace(text, after)
      if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1)
    }
    if (found < 0) return undefined
    start = found
  }
  return { start, end: path.length === 0 ? skipFound(start) : end }
}

function isKey(text: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length + 2 && text.startsWith(name, start + 1)) {
    return !name.includes('\\')
  }
  const token = text.slice(start, end)
  return token.includes('\\') && JSON.parse(token) === name
}

/** A container being read. `verbatim`: so far its own text, from `start` on, is canonical as it stands. */
type Container = {
  keys: string[] | null
  parts: string[]
  start: number
  sorted: boolean
  verbatim: boolean
}

/**
 * One text for all texts of one document, for hashing: no insignificant whitespace, keys sorted by UTF-16 code unit,
 * each string escaped as `JSON.stringify` does, number tokens as they stand (`1.0` is not `1`, for nobody knows whether
 * the provider means them to be), and without the top-level keys named in `volatile`.
 */
export function canonical(text: string, volatile: string[]): string {
  // most records hold no escape at all, and then no string needs a look
  const asIs = !text.includes('\\') && (text as string & { isWellFormed(): boolean }).isWellFormed()
  const stack: Container[] = []
  let open: Container | undefined
  let i = skipSpace(text, 0)
  for (;;) {
    const code = text.charCodeAt(i)
    let done: string
    let verbatim = true
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      const next = skipSpace(text, i + 1)
      if (text.charCodeAt(next) !== code + 2) {
        if (open) stack.push(open)
        const keys = code === OPEN_BRACE ? [] : null
        open = { keys, parts: [], start: i, sorted: true, verbatim: next === i + 1 }
        i = keys ? readKey(text, next, open, asIs) : next
        continue
      }
      done = code === OPEN_BRACE ? '{}' : '[]'
      verbatim = next === i + 1
      i = next + 1
    } else {
      const end = skipValue(text, i)
      done = code === QUOTE && !asIs ? escaped(text, i, end) : text.slice(i, end)
      verbatim = asIs || code !== QUOTE
      i = end
    }
    for (;;) {
      if (!open) return done
      open.parts.push(done)
      const at = skipSpace(text, i)
      if (at !== i || !verbatim) open.verbatim = false
      const after = text.charCodeAt(at)
      i = at + 1
      if (after === COMMA) {
        i = skipSpace(text, i)
        if (i !== at + 1) open.verbatim = false
        if (open.keys) i = readKey(text, i, open, asIs)
        break
      }
      assert(after === (open.keys ? CLOSE_BRACE : CLOSE_BRACKET), 'the text is JSON')
      verbatim = open.verbatim && open.sorted
      const drop = stack.length === 0 && volatile.length > 0 ? volatile : null
      done = verbatim && !drop ? text.slice(open.start, i) : close(open, drop)
      open = stack.pop()
    }
  }
}

/** Takes the key at `at` into the open object; answers where its value begins. */
function readKey(text: string, at: number, open: Container, asIs: boolean): number {
  const end = skipString(text, at)
  const keys = open.keys!
  const key = asIs ? text.slice(at, end) : escaped(text, at, end)
  if (open.sorted && keys.length > 0 && !(keys[keys.length - 1]! < key)) open.sorted = false
  keys.push(key)
  const colon = skipSpace(text, end)
  assert(text.charCodeAt(colon) === COLON, 'the text is JSON')
  const value = skipSpace(text, colon + 1)
  if (value !== end + 1 || !asIs) open.verbatim = false
  return value
}

/** Joins with `+`: V8 keeps that as a tree and flattens it once, where `join` would copy at every level of nesting. */
function close({ keys, parts, sorted }: Container, volatile: string[] | null): string {
  if (!keys) {
    let list = '[' + parts[0]!
    for (let at = 1; at < parts.length; at++) list += ',' + parts[at]!
    return list + ']'
  }
  if (!sorted) sort(keys, parts)
  const drop = volatile && new Set(volatile.map((name) => JSON.stringify(name)))
  let out = '{'
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!
    if (drop?.has(key) || key === keys[at + 1]) continue
    out += (out === '{' ? key : ',' + key) + ':' + parts[at]!
  }
  return out + '}'
}

/** Sorts `keys`, and `parts` with them; equal keys stay as they came. Providers' keys are nearly sorted, so insert. */
function sort(keys: string[], parts: string[]): void {
  if (keys.length > 100) {
    const order = keys.map((_, at) => at)
    order.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : 0))
    const sortedKeys = order.map((at) => keys[at]!)
    const sortedParts = order.map((at) => parts[at]!)
    for (let at = 0; at < keys.length; at++) {
      keys[at] = sortedKeys[at]!
      parts[at] = sortedParts[at]!
    }
    return
  }
  for (let at = 1; at < keys.length; at++) {
    const key = keys[at]!
    const part = parts[at]!
    let free = at
    for (; free > 0 && keys[free - 1]! > key; free--) {
      keys[free] = keys[free - 1]!
      parts[free] = parts[free - 1]!
    }
    keys[free] = key
    parts[free] = part
  }
}

function escaped(text: string, start: number, end: number): string {
  return JSON.stringify(JSON.parse(text.slice(start, end)))
}

/** Past the value that begins at `at`. */
function skipValue(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first === QUOTE) return skipString(text, at)
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return skipScalar(text, at)
  let depth = 0
  let i = at
  for (;;) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = skipString(text, i)
      continue
    }
    i++
    // most of what is no string is white space, digits and punctuation
    if (code < OPEN_BRACKET) continue
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (--depth === 0) return i
    } else assert(code === code, 'the text is JSON')
  }
}

/** Past the string whose opening quote is at `at`. */
function skipString(text: string, at: number): number {
  let i = at + 1
  for (const long = i + SHORT_STRING; i < long; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code === BACKSLASH) i++
  }
  // an escape may have carried us one past the limit: i stands on the first char not looked at
  for (;;) {
    const quote = text.indexOf('"', i)
    assert(quote >= 0, 'the text is JSON')
    let escape = quote - 1
    while (escape >= i && text.charCodeAt(escape) === BACKSLASH) escape--
    if ((quote - escape) % 2 === 1) return quote + 1
    i = quote + 1
  }
}

/** Past a number, true, false or null. */
function skipScalar(text: string, at: number): number {
  let i = at
  for (;;) {
    const code = text.charCodeAt(i)
    if (code <= 32 || code === COMMA || code === CLOSE_BRACKET || code === CLOSE_BRACE) break
    if (code !== code) break
    i++
  }
  assert(i > at, 'the text is JSON')
  return i
}

function skipSpace(text: string, at: number): number {
  let i = at
  while (text.charCodeAt(i) <= 32) i++
  return i
}
