import { expect, test } from 'vitest'
import { createScreen, type Output } from './screen.ts'

/** A terminal that obeys the few control sequences in use. */
function terminal(rows = 24, columns = 80) {
  const lines: string[] = ['']
  let at = 0
  const write = (text: string): void => {
    for (const token of text.match(/\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+/g) ?? []) {
      const up = /^\x1b\[(\d+)A$/.exec(token)
      if (up !== null) at -= Number(up[1])
      else if (token === '\x1b[0J') lines.splice(at, lines.length, '')
      else if (token === '\n') lines[++at] ??= ''
      else if (token !== '\r') {
        for (let from = 0; from < token.length; from += columns) {
          if (from > 0) lines[++at] ??= ''
          lines[at] += token.slice(from, from + columns)
        }
      }
    }
  }
  const output: Output = { write, isTTY: true, rows, columns }
  return { output, shown: () => lines.slice(0, -1).map((line) => line.trimEnd()) }
}

function clock(): { now: () => number; pass(ms: number): void } {
  let at = 0
  return { now: () => at, pass: (ms) => (at += ms) }
}

test('a step shows what it does and stays with what it took', () => {
  const { output, shown } = terminal()
  const time = clock()
  const screen = createScreen(output, time.now)
  const postgres = screen.step('postgres')
  const temporal = screen.step('temporal')
  temporal.say('downloading')
  expect(shown()).toEqual(['  postgres    ...', '  temporal    downloading'])
  time.pass(1_234)
  temporal.done('embedded')
  expect(shown()).toEqual([
    expect.stringMatching(/^ {2}temporal {4}embedded +1\.2 s$/),
    '  postgres    ...',
  ])
  postgres.done('embedded')
  expect(shown().map((line) => line.split(/\s+/)[1])).toEqual(['temporal', 'postgres'])
})

test('the block is drawn in place, below the lines', () => {
  const { output, shown } = terminal()
  const screen = createScreen(output)
  screen.block(['one', 'two'])
  screen.line('a line')
  screen.block(['three'])
  expect(shown()).toEqual(['a line', 'three'])
  screen.close()
  screen.line('the end')
  expect(shown()).toEqual(['a line', 'the end'])
})

test('a block never grows past the terminal, and a long line of it is whole, in as many rows as it takes', () => {
  const { output, shown } = terminal(5, 10)
  const screen = createScreen(output)
  screen.block(['123456789012', ...Array.from({ length: 9 }, (_, i) => `${i}`)])
  expect(shown()).toEqual(['1234567890', '12', '0', '1'])
  screen.block(['x'])
  expect(shown()).toEqual(['x'])
})

test('without a terminal there are plain lines and no control sequences', () => {
  let text = ''
  const screen = createScreen({ write: (part) => (text += part) })
  const step = screen.step('temporal')
  step.say('building')
  step.done('embedded')
  screen.block(['a block'])
  screen.line('a line')
  expect(text.split('\n').map((line) => line.trim().replace(/ +/g, ' '))).toEqual([
    'temporal building',
    'temporal embedded 0.0 s',
    'a line',
    '',
  ])
})
