/**
 * `npm run fault -- [--seed N] [--minutes M] [--json]`: a real process tree under faults, then rest, then judgement. Prints
 * its seed, each action with its time, and what was violated; exit code 1 where something was. With the same seed the
 * same is done at the same times; how it interleaves is the machine's.
 */
import { parseArgs } from 'node:util'
import { runFaults } from './run.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    minutes: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const minutes = Number(values.minutes)
if (!Number.isInteger(seed) || !(minutes > 0)) {
  console.error('--seed must be a whole number, --minutes more than 0.')
  process.exit(64)
}
console.log(`fault: seed ${seed}, ${minutes} min`)
const { text, ...report } = await runFaults({ seed, minutes, say: (line) => console.log(line) })
console.log(text)
console.log(
  report.violations === 0
    ? `fault: seed ${seed} held everything, at rest after ${report.restSeconds} s`
    : `fault: seed ${seed}, ${report.violations} violations; logs and data: ${report.dir}`,
)
if (values.json) console.log(JSON.stringify(report))
process.exit(report.violations === 0 ? 0 : 1)
