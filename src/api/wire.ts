/**
 * The one place where names become those of the wire (snake_case); routes take the fields of a body by name. Values that belong to users
 * or providers keep their keys: they are passed under one of the `opaque` names.
 */
const opaque = new Set(['metadata', 'properties', 'schema', 'samples', 'deliverPolicy', 'filters'])

type SnakeKey<Key extends string> = Key extends `${infer Head}${infer Tail}`
  ? Head extends Lowercase<Head>
    ? `${Head}${SnakeKey<Tail>}`
    : `_${Lowercase<Head>}${SnakeKey<Tail>}`
  : Key

export type Wire<Value> = Value extends Date
  ? string
  : Value extends (infer Element)[]
    ? Wire<Element>[]
    : Value extends object
      ? { [Key in keyof Value & string as SnakeKey<Key>]: Wire<Value[Key]> }
      : Value

/** camelCase → snake_case, dates → ISO 8601, at any depth, down to opaque values. */
export function toWire<Value>(value: Value): Wire<Value> {
  return outgoing(value) as Wire<Value>
}

function outgoing(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(outgoing)
  const wire: Record<string, unknown> = {}
  // not entries: those are an array for each of the thousands of members of a list
  for (const key of Object.keys(value)) {
    const inner = (value as Record<string, unknown>)[key]
    if (inner !== undefined) wire[snake(key)] = opaque.has(key) ? inner : outgoing(inner)
  }
  return wire
}

/** The names of our own types: few, and each needed thousands of times a second. */
const snakes = new Map<string, string>()

function snake(name: string): string {
  const known = snakes.get(name)
  if (known !== undefined) return known
  const made = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  snakes.set(name, made)
  return made
}
