import { canonical } from './rawJson.ts'

/**
 * The same text as rawJson's `canonical`, three times faster where a parsed copy says it all: most records have nothing but
 * plain keys and small whole numbers. The parts that cost are native code, so the first page is as fast as the thousandth.
 * `value`: JSON.parse(text), where the caller has it. Throws where `text` is no JSON.
 */
export function canonicalOf(
  text: string,
  volatile: string[],
  value: unknown = JSON.parse(text),
): string {
  if (typeof value !== 'object' || value === null) return canonical(text, volatile)
  if (maybeFraction.test(text) && fraction.test(text)) return canonical(text, volatile)
  const sorted = inOrder(without(value, volatile), 0)
  return sorted === undefined ? canonical(text, volatile) : JSON.stringify(sorted)
}

/** `1.0`, `1e3`: a number that JavaScript may print in another way. Looked for without regard to strings, the cheap one first. */
const maybeFraction = /\d[.eE][-+\d]/
const fraction = /[:[,]\s*-?\d+[.eE]/

/** Deeper values are rare, and read without recursion. */
const DEPTH_MAX = 64

/** The value with the keys of every object in order; undefined: not to be told from the parsed value. */
function inOrder(value: object, depth: number): object | undefined {
  if (depth > DEPTH_MAX) return undefined
  if (Array.isArray(value)) return listInOrder(value, depth)
  const from = value as Record<string, unknown>
  const { keys, sorted } = shapeOf(from)
  if (keys === null) return undefined
  let copy: Record<string, unknown> | null = sorted ? null : {}
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!
    const member = from[key]
    let kept = member
    if (typeof member === 'number') {
      if (!isPlainNumber(member)) return undefined
    } else if (typeof member === 'object' && member !== null) {
      kept = inOrder(member, depth + 1)
      if (kept === undefined) return undefined
      if (kept !== member && copy === null) {
        copy = {}
        for (let before = 0; before < at; before++) copy[keys[before]!] = from[keys[before]!]
      }
    }
    if (copy !== null) copy[key] = kept
  }
  return copy ?? value
}

function listInOrder(list: unknown[], depth: number): object | undefined {
  let copy: unknown[] | null = null
  for (let at = 0; at < list.length; at++) {
    const element = list[at]
    if (typeof element === 'number' && !isPlainNumber(element)) return undefined
    if (typeof element !== 'object' || element === null) continue
    const kept = inOrder(element, depth + 1)
    if (kept === undefined) return undefined
    if (kept === element) continue
    copy ??= list.slice()
    copy[at] = kept
  }
  return copy ?? list
}

/** A whole number is printed as it stood, but for those with more digits than a double has, and `-0`. */
function isPlainNumber(value: number): boolean {
  return Math.abs(value) < 1e15 && !Object.is(value, -0)
}

/** The keys of an object as they came and in canonical order; null: one of them is not plain. */
type Shape = { came: string[]; keys: string[] | null; sorted: boolean }

/** Of objects with as many keys: those met last. Records of a collection have a handful of shapes. */
const shapes: Shape[][] = []
const SHAPES_OF_A_SIZE = 8
const SIZE_MAX = 200

function shapeOf(value: object): Shape {
  const came = Object.keys(value)
  const size = came.length
  if (size > SIZE_MAX) return { came, keys: null, sorted: false }
  const known = (shapes[size] ??= [])
  for (const shape of known) if (isSame(shape.came, came)) return shape
  const keys = came.every(isPlain) ? came.toSorted() : null
  const shape = { came, keys, sorted: keys !== null && isSame(keys, came) }
  known.unshift(shape)
  known.length = Math.min(known.length, SHAPES_OF_A_SIZE)
  return shape
}

function isSame(a: string[], b: string[]): boolean {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

/**
 * Not plain: canonical order is that of the keys as printed, with their quotes, and a key with an escape or a char below `"`
 * may stand elsewhere there; JavaScript moves keys that look like an index, and `__proto__` is no member at all.
 */
function isPlain(key: string): boolean {
  return /^[#-[\]-\ud7ff\ue000-\uffff]*$/.test(key) && !/^\d+$/.test(key) && key !== '__proto__'
}

function without(value: object, volatile: string[]): object {
  if (volatile.length === 0 || Array.isArray(value)) return value
  const left: Record<string, unknown> = { ...value }
  for (const name of volatile) delete left[name]
  return left
}
