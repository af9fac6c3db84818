import { z } from 'zod'
import { AppError } from '../domain/error.ts'
import { nearest } from '../domain/nearest.ts'

/** Bodies above this are refused before they are read to the end. */
export const bodyBytesMax = 1_000_000
/** Deeper JSON is refused: what comes after us (Postgres, a client's parser) has a stack. */
const depthMax = 64

/**
 * Reads the raw body, at most {@link bodyBytesMax}. What was announced is read at once: no more comes, the parser of the
 * connection sees to that, and a stream of the web costs more than reading the few tokens of an ack.
 */
export async function readBody(request: Request): Promise<Buffer> {
  const declared = request.headers.get('content-length')
  if (Number(declared) > bodyBytesMax) throw tooLarge()
  try {
    if (declared !== null) return Buffer.from(await request.arrayBuffer())
    if (request.body === null) return Buffer.alloc(0)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of request.body) {
      size += part.byteLength
      if (size > bodyBytesMax) throw tooLarge()
      parts.push(part)
    }
    return Buffer.concat(parts)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw cutOff(error)
  }
}

export function cutOff(cause?: unknown): AppError {
  return unreadable('The connection ended before the body was whole.', cause)
}

function tooLarge(): AppError {
  return new AppError(
    'too_large',
    `The body is larger than ${bodyBytesMax / 1_000_000} MB. Send less at once.`,
  )
}

/** A JSON object out of a body; `{}` where there is none and none is needed. */
export function parseBody(
  raw: Buffer,
  request: { header(name: string): string | null },
  optional: boolean,
): Record<string, unknown> {
  if (raw.byteLength === 0 && optional) return {}
  if (raw.byteLength === 0) throw unreadable('This call needs a JSON object as its body.')
  if (
    !/^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i.test(request.header('content-type') ?? '')
  ) {
    throw new AppError('invalid', 'Send the body with Content-Type: application/json.', {
      code: 'unsupported-media-type',
    })
  }
  // Unpacking is where a small body becomes a large one.
  if (!/^(?:identity)?$/i.test(request.header('content-encoding') ?? '')) {
    throw new AppError('invalid', 'Send the body as it is, without Content-Encoding.', {
      code: 'unsupported-media-type',
    })
  }
  const text = decode(raw)
  if (tooDeep(text)) throw unreadable(`The JSON is nested deeper than ${depthMax} levels.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unreadable('The body is not valid JSON.', error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable('The body must be a JSON object.')
  }
  // \u0000 and lone surrogates are JSON, but no text that Postgres keeps
  if (/\\u(?:0000|d[89a-f])/i.test(text) && !storable(value)) {
    throw unreadable('The body holds a NUL character or half of a surrogate pair. Leave it out.')
  }
  return value as Record<string, unknown>
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(raw: Buffer): string {
  try {
    return utf8.decode(raw)
  } catch (error) {
    throw unreadable('The body is not valid UTF-8.', error)
  }
}

function unreadable(message: string, cause?: unknown): AppError {
  return new AppError('invalid', message, { code: 'invalid-request', cause })
}

function tooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === 0x5c) at++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthMax) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}

/** Recursion is safe here: the depth was checked. */
function storable(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, inner]) => isStorable(key) && storable(inner))
}

export function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text)
}

const noParameters = z.strictObject({})

/** A worker asks the same a thousand times a second. */
const parsedMax = 100
const parsed = new WeakMap<z.ZodObject, Map<string, Readonly<Record<string, unknown>>>>()

/** Query parameters as their schema wants them: numbers and JSON are texts in a URL. Not to be changed: others share them. */
export function parseQuery(
  search: string,
  schema: z.ZodObject = noParameters,
): Readonly<Record<string, unknown>> {
  const ofSchema = parsed.get(schema) ?? new Map<string, Readonly<Record<string, unknown>>>()
  parsed.set(schema, ofSchema)
  const known = ofSchema.get(search)
  if (known !== undefined) return known
  const query = Object.freeze(queryOf(new URLSearchParams(search), schema))
  if (ofSchema.size < parsedMax && search.length <= parsedMax) ofSchema.set(search, query)
  return query
}

function queryOf(params: URLSearchParams, schema: z.ZodObject): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  const fields: Record<string, string[]> = {}
  for (const name of new Set(params.keys())) {
    const [text = '', ...more] = params.getAll(name)
    if (more.length > 0) fields[name] = ['is given more than once']
    else if (!isStorable(text) || !isStorable(name))
      fields[name] = ['holds a NUL character or broken UTF-8']
    else if (Object.hasOwn(schema.shape, name))
      values[name] = fromText(text, schema.shape[name] as z.ZodType, name, fields)
    else fields[name] = [unknownReason(name, Object.keys(schema.shape), 'parameter')]
  }
  if (Object.keys(fields).length > 0) throw invalid(fields)
  return parse(schema, values)
}

function fromText(
  text: string,
  schema: z.ZodType,
  name: string,
  fields: Record<string, string[]>,
): unknown {
  const type = inner(schema).def.type
  if (type === 'number' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type !== 'record') return text
  try {
    if (tooDeep(text)) throw new Error('too deep')
    const value: unknown = JSON.parse(text)
    if (storable(value)) return value
  } catch {
    // said below
  }
  fields[name] = ['is not a JSON object, for example {"plan":"pro"}']
  return undefined
}

/** The parsed value, or a 422 that names every wrong field. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  // reportInput tells what is missing from what is wrong
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  throw invalid(fieldsOf(result.error, schema))
}

export function invalid(fields: Record<string, string[]>): AppError {
  const names = Object.keys(fields)
  const listed = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '')
  const detail =
    names.length === 1
      ? `1 field is wrong: ${listed}.`
      : `${names.length} fields are wrong: ${listed}.`
  return new AppError('invalid', detail, { fields })
}

/** Field → reasons, with names as on the wire. `prefix`: where in the body the value stood. */
export function fieldsOf(
  error: z.ZodError,
  schema: z.ZodType,
  prefix: PropertyKey[] = [],
): Record<string, string[]> {
  // no prototype: a field may be called __proto__
  const fields = Object.create(null) as Record<string, string[]>
  const add = (path: PropertyKey[], reason: string) => {
    const name = [...prefix, ...path].map(String).join('.') || 'body'
    const reasons = (fields[name] ??= [])
    if (!reasons.includes(reason)) reasons.push(reason)
  }
  for (const issue of error.issues.slice(0, 50)) {
    if (issue.code !== 'unrecognized_keys') add(issue.path, reasonOf(issue))
    else {
      const known = knownFields(schema, issue.path)
      for (const key of issue.keys.slice(0, 50))
        add([...issue.path, key], unknownReason(key, known, 'field'))
    }
  }
  return { ...fields }
}

function unknownReason(name: string, known: string[], noun: 'field' | 'parameter'): string {
  const hint = nearest(name, known)
  if (hint !== null) return `is not a known ${noun}; did you mean \`${hint}\`?`
  const all =
    known.length > 0 && known.length <= 20
      ? `; known are ${known.map((field) => `\`${field}\``).join(', ')}`
      : ''
  return `is not a known ${noun}${all}`
}

function reasonOf(issue: z.core.$ZodIssue): string {
  const { code } = issue
  if (code === 'invalid_type') return typeReason(issue.input, issue.expected, issue.message)
  if (code === 'invalid_value') {
    return `must be one of ${issue.values.map((value) => `\`${String(value)}\``).join(', ')}`
  }
  if (code === 'too_small') {
    const counted = unit(issue.origin)
    return `must ${counted === null ? 'be' : 'have'} at least ${issue.minimum}${counted ?? ''}`
  }
  if (code === 'too_big') {
    const counted = unit(issue.origin)
    return `${counted === null ? 'must be' : 'may have'} at most ${issue.maximum}${counted ?? ''}`
  }
  return issue.message
}

function typeReason(input: unknown, expected: string, message: string): string {
  if (input === undefined) return 'is required'
  if (expected === 'never') return message
  return expected === 'int' ? 'must be a whole number' : `must be ${article(expected)}`
}

function article(type: string): string {
  const names: Record<string, string> = {
    object: 'an object',
    record: 'an object',
    array: 'a list',
    string: 'a text',
    number: 'a number',
    boolean: 'true or false',
  }
  return names[type] ?? type
}

function unit(origin: string): string | null {
  if (origin === 'string') return ' characters'
  return origin === 'array' ? ' entries' : null
}

function knownFields(schema: z.ZodType, path: PropertyKey[]): string[] {
  let at = inner(schema)
  for (const step of path) {
    const def = at.def as { shape?: Record<string, z.ZodType>; element?: z.ZodType }
    const next = typeof step === 'number' ? def.element : def.shape?.[String(step)]
    if (next === undefined) return []
    at = inner(next)
  }
  return Object.keys((at.def as { shape?: object }).shape ?? {})
}

/** Without optional, nullable, default and the like. */
function inner(schema: z.ZodType): z.ZodType {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType; type: string }
  if (def.innerType !== undefined) return inner(def.innerType)
  return def.type === 'pipe' && def.in !== undefined ? inner(def.in) : schema
}
