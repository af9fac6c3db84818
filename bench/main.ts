/**
 * `npm run bench -- NAME [--flag value …] [--json]`. Each bench is a plain script that reports cases; with --json one object
 * a line: { bench, case, value, unit, peer_value?, ratio? }, ratio = ours / the peer's or the limit's, higher is better.
 */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { api } from './api.ts'
import { backfill } from './backfill.ts'
import { changes } from './changes.ts'
import { control } from './control.ts'
import { idle } from './idle.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { nextAck } from './nextAck.ts'
import { scale } from './scale.ts'
import { size } from './size.ts'
import { write } from './write.ts'
import type { Case, Flags } from './support/report.ts'

const benches: Record<string, (flags: Flags, report: (result: Case) => void) => Promise<void>> = {
  api,
  backfill,
  write,
  'next-ack': nextAck,
  latency,
  changes,
  idle,
  control,
  size,
  memory,
  scale,
}

const [name, ...rest] = process.argv.slice(2)
const bench = name === undefined ? undefined : benches[name]
if (name === undefined || bench === undefined) {
  console.error(`Which bench? One of: ${Object.keys(benches).join(', ')}. See bench/README.md.`)
  process.exit(64)
}

const flags = readFlags(rest)
if (!flags.json) console.log(machine())
await bench(flags, (result) => {
  console.log(flags.json ? JSON.stringify({ bench: name, ...result }) : line(result))
})
process.exit(0)

function readFlags(words: string[]): Flags {
  const values: Record<string, string> = {}
  let json = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--json') json = true
    else if (word.startsWith('--')) {
      const next = words[i + 1]
      values[word.slice(2)] = next === undefined || next.startsWith('--') ? '' : words[++i]!
    }
  }
  return {
    json,
    has: (key) => values[key] !== undefined,
    number: (key, otherwise) => Number(values[key] ?? otherwise),
    text: (key, otherwise) => values[key] ?? otherwise,
  }
}

function machine(): string {
  const sha = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} cores · ${memory} GiB · Node ${process.versions.node} · ${sha}`
}

function line({ case: name, value, unit, peer_value, ratio }: Case): string {
  const peer = peer_value === undefined ? '' : ` · peer ${round(peer_value)} ${unit}`
  return `${name.padEnd(44)} ${round(value)} ${unit}${peer}${ratio === undefined ? '' : ` · ratio ${round(ratio)}`}`
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3)
}
