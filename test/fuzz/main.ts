import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findSchemathesis } from './python.ts'
import { seed } from './seed.ts'
import type { Seeded } from './seed.ts'
import { startStack } from './stack.ts'

/**
 * `npm run fuzz:api [-- --short]`: schemathesis over every route, all checks, stateful links, three times: with a valid key, without
 * one, and with the key of another tenant on the first one's ids. Ends with 1 when a check failed or an answer was 500 or above.
 */
const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } })
const python = findSchemathesis((line) => console.log(line))
if (python === null) {
  console.log('fuzz:api needs Python 3.10 or newer with venv, and there is none here.')
  process.exit(values.short ? 0 : 1)
}

type Counts = { cases: number; by_status: Record<string, number> }
type Who = {
  name: string
  key: string | null
  foreign: Seeded['ids'] | null
  examples: number
  phases: string[]
}
const allPhases = ['examples', 'coverage', 'fuzzing', 'stateful']

const dir = mkdtempSync(join(tmpdir(), 'sluice-fuzz-counts-'))
const stack = await startStack(process.env)
let failed = 0
let cases = 0
let above = 0
try {
  const seeded = await seed(stack)
  const [short, all] = [['coverage', 'stateful'], allPhases]
  const runs: Who[] = values.short
    ? [
        {
          name: 'foreign key',
          key: seeded.foreignKey,
          foreign: seeded.ids,
          examples: 1,
          phases: ['fuzzing'],
        },
        { name: 'no key', key: null, foreign: null, examples: 1, phases: ['fuzzing'] },
        { name: 'valid key', key: seeded.key, foreign: null, examples: 4, phases: short },
      ]
    : [
        {
          name: 'foreign key',
          key: seeded.foreignKey,
          foreign: seeded.ids,
          examples: 60,
          phases: all,
        },
        { name: 'no key', key: null, foreign: null, examples: 20, phases: all },
        { name: 'valid key', key: seeded.key, foreign: null, examples: 150, phases: all },
      ]
  for (const who of runs) {
    const began = Date.now()
    const { code, counts } = await fuzz(python, who, seeded)
    const bad = Object.entries(counts.by_status).filter(([status]) => Number(status) >= 500)
    above += bad.reduce((sum, [, count]) => sum + count, 0)
    cases += counts.cases
    failed += code === 0 ? 0 : 1
    const seconds = ((Date.now() - began) / 1000).toFixed(0)
    console.log(`${who.name}: ${counts.cases} cases in ${seconds} s, exit code ${code}`)
    console.log(`  ${JSON.stringify(counts.by_status)}`)
  }
} finally {
  await stack.stop()
  rmSync(dir, { recursive: true, force: true })
}
console.log(`${cases} cases, ${failed} runs with failures, ${above} answers of 500 or above`)
// Connections to Temporal would keep the process up.
process.exit(failed > 0 || above > 0 ? 1 : 0)

async function fuzz(
  command: string,
  who: Who,
  seeded: Seeded,
): Promise<{ code: number | null; counts: Counts }> {
  const file = join(dir, `${who.name}.json`)
  const child = spawn(command, argumentsFor(who), {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      SLUICE_FUZZ: JSON.stringify({ ...seeded.truth, foreign: who.foreign }),
      SLUICE_FUZZ_COUNTS: file,
    },
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return { code, counts: JSON.parse(readFileSync(file, 'utf8')) as Counts }
}

function argumentsFor(who: Who): string[] {
  const options = {
    checks: 'all',
    'max-examples': String(who.examples),
    phases: who.phases.join(','),
    'generation-database': 'none',
    warnings: 'off',
    ...(who.key === null ? {} : { header: `Authorization: Bearer ${who.key}` }),
    ...(values.short ? { seed: '1' } : {}),
  }
  return [
    '-m',
    'schemathesis.cli',
    '--config-file',
    'schemathesis.toml',
    'run',
    `${stack.url}/openapi.json`,
    '--no-color',
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  ]
}
