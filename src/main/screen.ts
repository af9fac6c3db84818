/** What `npm start` shows: lines that stay, and on a terminal a block below them that is drawn anew in place. */
export type Screen = {
  /** A line that stays. */
  line(text: string): void
  /** Something that takes time: the line shows what it is doing, and stays with what it took. */
  step(name: string): Step
  /** Draws `lines` in place of the block drawn before; null takes it away. Without a terminal nothing is shown. */
  block(lines: string[] | null): void
  /** Takes block and running steps away; lines go on. */
  close(): void
  /** A block is drawn in place; else say things by `line`. */
  live: boolean
  /** Columns and rows of the terminal. */
  size(): { columns: number; rows: number }
}

export type Step = { say(text: string): void; done(text: string): void }

export type Output = {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
  rows?: number
}

export function createScreen(output: Output, now: () => number = Date.now): Screen {
  const live = output.isTTY === true
  const running = new Map<string, string>()
  let block: string[] = []
  let drawn = 0

  const size = (): { columns: number; rows: number } => ({
    columns: output.columns ?? 100,
    rows: output.rows ?? 24,
  })

  function redraw(above: string[]): void {
    if (!live) {
      for (const text of above) output.write(`${text}\n`)
      return
    }
    const { columns, rows } = size()
    const steps = [...running].map(([name, doing]) => clip(row(name, doing, ''), columns - 1))
    const below = fitting([...steps, ...block], rows - 1, columns)
    const up = drawn === 0 ? '' : `\x1b[${drawn}A`
    output.write(`${up}\r\x1b[0J${[...above, ...below].map((text) => `${text}\n`).join('')}`)
    drawn = heightOf(below, columns)
  }

  return {
    live,
    size,
    line: (text) => redraw(text.split('\n')),
    block: (lines) => {
      block = lines ?? []
      if (live) redraw([])
    },
    close: () => {
      running.clear()
      block = []
      if (live) redraw([])
    },
    step: (name) => {
      const began = now()
      running.set(name, '...')
      if (live) redraw([])
      return {
        say: (text) => {
          running.set(name, text)
          redraw(live ? [] : [row(name, text, '')])
        },
        done: (text) => {
          running.delete(name)
          redraw([row(name, text, `${((now() - began) / 1000).toFixed(1)} s`)])
        },
      }
    },
  }
}

function row(name: string, text: string, took: string): string {
  return `  ${name.padEnd(11)} ${text.padEnd(56)} ${took.padStart(7)}`.trimEnd()
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

/** Rows that lines take on a terminal, which breaks what is too long for one. */
export function heightOf(lines: string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0)
}

/** The first lines that fit: what scrolled out of the terminal could not be drawn anew. */
function fitting(lines: string[], rows: number, columns: number): string[] {
  let count = lines.length
  while (heightOf(lines.slice(0, count), columns) > rows) count--
  return lines.slice(0, count)
}
