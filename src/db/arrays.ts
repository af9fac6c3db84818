/**
 * Arrays for postgres.js, which otherwise asks each new connection for its array types, outside of any query of ours: where
 * that connection dies meanwhile nobody can catch it, and the process ends. One dimension is all that we use.
 */
const arrayTypes = {
  bool: 1000,
  int4: 1007,
  text: 1009,
  int8: 1016,
  float8: 1022,
  timestamptz: 1185,
  uuid: 2951,
} as const

type Element = string | number | bigint | boolean | Date | null

type ArrayType = {
  to: number
  from: number[]
  serialize(values: unknown): unknown
  parse(text: string): unknown[]
}

const readers: Partial<Record<keyof typeof arrayTypes, (text: string) => unknown>> = {
  bool: (text) => text === 't',
  int4: Number,
  float8: Number,
}

export const arrays: Record<string, ArrayType> = Object.fromEntries(
  Object.entries(arrayTypes).map(([name, oid]) => {
    const read = readers[name as keyof typeof arrayTypes] ?? ((text: string) => text)
    return [
      `${name}Array`,
      { to: oid, from: [oid], serialize: literal, parse: (text: string) => elements(text, read) },
    ]
  }),
)

function literal(values: unknown): unknown {
  if (!Array.isArray(values)) return values
  const quoted = (values as Element[]).map((value) => {
    if (value === null) return 'null'
    const text = value instanceof Date ? value.toISOString() : String(value)
    return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  })
  return `{${quoted.join(',')}}`
}

function elements(text: string, read: (text: string) => unknown): unknown[] {
  const found: unknown[] = []
  for (const [whole, quoted] of text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|[^,]+/gs)) {
    if (quoted !== undefined) found.push(read(quoted.replace(/\\(.)/gs, '$1')))
    else found.push(whole === 'NULL' ? null : read(whole))
  }
  return found
}
