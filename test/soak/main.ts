/**
 * `npm run soak -- stream [--seconds 120] [--seed N]`: minutes of everything at once, with faults. Prints its seed and its
 * counts; exit code 1 where something was violated.
 */
import { soakStream } from './stream.ts'

const soaks: Record<string, typeof soakStream> = { stream: soakStream }

const [name = '', ...flags] = process.argv.slice(2)
const soak = soaks[name]
if (soak === undefined) {
  console.error(`Which soak? One of: ${Object.keys(soaks).join(', ')}.`)
  process.exit(64)
}
const seconds = flag('seconds', 120)
const seed = flag('seed', Math.floor(Math.random() * 1_000_000))
console.log(`soak ${name}: ${seconds} s, seed ${seed}`)
const violations = await soak({ seconds, seed, say: (line) => console.log(line) })
console.log(
  violations === 0
    ? `soak ${name}: 0 violations`
    : `soak ${name}: ${violations} violations, seed ${seed}`,
)
process.exit(violations === 0 ? 0 : 1)

function flag(key: string, otherwise: number): number {
  const at = flags.indexOf(`--${key}`)
  const value = at < 0 ? otherwise : Number(flags[at + 1])
  if (Number.isFinite(value)) return value
  console.error(`--${key} must be a number.`)
  process.exit(64)
}
