/**
 * A value that must not be seen: printing, logging, serialising or inspecting it gives `[secret]`.
 * The one way to the value is `reveal()`, so a search for that word finds every use.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  /** What `util.inspect` and `console.log` call; named by its symbol so that no node built-in is needed. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
