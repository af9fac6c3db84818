/**
 * `npm run mutate [-- --only NAME]`: breaks the stream on purpose, one defect at a time in a copy of the tree, and runs the
 * tests that must see it. Exit code 1 where one survives. Takes about 10 s a mutation; DATABASE_URL saves the start of Postgres.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mutate } from './apply.ts'
import { mutations } from './list.ts'
import type { Mutation } from './mutation.ts'

const root = join(import.meta.dirname, '../..')
const copied = [
  'activities',
  'drizzle',
  'package.json',
  'src',
  'test',
  'tsconfig.json',
  'vitest.config.ts',
  'workflows',
]

const only = process.argv.indexOf('--only')
const chosen =
  only < 0 ? mutations : mutations.filter(({ name }) => name === process.argv[only + 1])
if (chosen.length === 0) {
  console.error(`Which mutation? One of: ${mutations.map(({ name }) => name).join(', ')}.`)
  process.exit(64)
}

let survivors = 0
for (const mutation of chosen) {
  const outcome = run(mutation)
  if (outcome.length === 0) survivors += 1
  const by = outcome.length === 0 ? 'SURVIVED' : `seen by ${outcome.join(' · ')}`
  console.log(`${mutation.name}: ${mutation.breaks}\n    ${by}`)
}
console.log(`${chosen.length} mutations, ${survivors} survived`)
process.exit(survivors === 0 ? 0 : 1)

/** The names of the tests that failed. */
function run(mutation: Mutation): string[] {
  const tree = mkdtempSync(join(tmpdir(), 'sluice-mutation-'))
  try {
    for (const name of copied) cpSync(join(root, name), join(tree, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
    mutate(tree, mutation)
    const report = join(tree, 'report.json')
    spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--project=pg',
        '--bail=1',
        '--reporter=json',
        `--outputFile=${report}`,
        ...mutation.seenBy,
      ],
      { cwd: tree, stdio: 'ignore' },
    )
    return failed(JSON.parse(readFileSync(report, 'utf8')))
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

type Report = {
  numTotalTests: number
  testResults: {
    name: string
    message: string
    assertionResults: { fullName: string; status: string }[]
  }[]
}

function failed(report: Report): string[] {
  if (report.numTotalTests === 0) throw new Error('No test ran.')
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName }) => fullName.trim()),
  )
}
