import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { apiFlags, otherFlags } from '../src/main/embedded/child.ts'

/**
 * The string facts of the house that lint cannot say. Imports between rooms are walled by .oxlintrc.json; what stands
 * here is who may name a provider, read the environment, build failures, write which table, and how long a file may get.
 */
const root = join(import.meta.dirname, '..')
const folders = ['src', 'workflows', 'activities']
const lineLimit = 400

type Source = { path: string; text: string }

function sources(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|sql)$/.test(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return { path: relative(root, path), text: readFileSync(path, 'utf8') }
    })
}

const all = folders.flatMap(sources)
const code = all.filter((file) => !file.path.endsWith('.test.ts'))

/** Files that match `pattern` and do not live where it may stand. */
function offenders(pattern: RegExp, allowed: RegExp): string[] {
  return code
    .filter((file) => pattern.test(stripComments(file)) && !allowed.test(file.path))
    .map((file) => file.path)
}

function stripComments(file: Source): string {
  if (file.path.endsWith('.sql')) return file.text.replace(/--.*$/gm, '')
  return file.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

describe('the walls', () => {
  test('the rooms are there, so that the rules below look at something', () => {
    expect(code.length).toBeGreaterThan(60)
  })

  test('a provider is named only in connectors, simulators and the playground of npm start', () => {
    expect(
      offenders(
        /['"`](stripe|hubspot|salesforce|shopify)\b/i,
        /^src\/(connectors|simulators|main)\//,
      ),
    ).toEqual([])
  })

  test('the environment is read only by src/config.ts', () => {
    expect(offenders(/process\.env/, /^src\/config\.ts$/)).toEqual([])
  })

  test('failures for Temporal are built only in src/temporal/failure.ts', () => {
    expect(
      offenders(
        /new ApplicationFailure|ApplicationFailure\.(create|retryable|nonRetryable)/,
        /^src\/temporal\/failure\.ts$|^workflows\//,
      ),
    ).toEqual([])
  })

  test('problem bodies are built only in src/api/problem.ts', () => {
    expect(
      offenders(
        /application\/problem\+json['"`]\s*[,}]?\s*\)/,
        /^src\/api\/(problem|openapi|schemas)/,
      ),
    ).toEqual([])
  })

  test('records and checkpoints are written only by src/stream', () => {
    expect(
      offenders(
        /\b(insert into|update|delete from)\s+(record|checkpoint)\b/i,
        /^src\/(stream|db\/functions)\//,
      ),
    ).toEqual(
      ['activities/setIntent.ts'].filter((path) =>
        code.some((file) => file.path === path && /update checkpoint/i.test(file.text)),
      ),
    )
  })

  test('nothing but tests, benches and npm start uses a simulator', () => {
    expect(offenders(/from '[^']*simulators\//, /^src\/(simulators|main)\//)).toEqual([])
  })

  test('nothing imports main, and only main and tests import deps', () => {
    expect(offenders(/from '[^']*\/main\//, /^src\/main\//)).toEqual([])
    expect(
      offenders(
        /from '[^']*\/deps\.ts'/,
        /^(src\/main\/|src\/api\/|src\/deps\.ts|src\/temporal\/worker\.ts|activities\/)/,
      ),
    ).toEqual([])
  })

  test('the source never points at a folder outside the project', () => {
    expect(offenders(/(\.\.\/)+shared\/|\/work\/|\/root\//, /^$/)).toEqual([])
  })
})

describe('the size of rooms', () => {
  test(`no file is longer than ${lineLimit} lines`, () => {
    const long = all
      .filter((file) => file.text.split('\n').length > lineLimit)
      .map((file) => file.path)
    expect(long).toEqual([])
  })

  test('no folder is called after nothing', () => {
    const empty = /(^|\/)(utils?|helpers?|common|types|models|services|managers|lib)(\/|\.ts$)/
    expect(all.filter((file) => empty.test(file.path)).map((file) => file.path)).toEqual([])
  })
})

describe('the flags of the heap', () => {
  test.for([
    ['package.json', apiFlags, 'api'],
    ['docker-compose.yml', apiFlags, 'api'],
    ['Dockerfile', apiFlags, 'api'],
    ['package.json', otherFlags, 'worker'],
    ['docker-compose.yml', otherFlags, 'worker'],
  ] as const)('%s starts with those of npm start: %s', ([file, flags, entry]) => {
    const words = readFileSync(join(root, file), 'utf8').split(/[\s",[\]]+/)
    expect(words.join(' ')).toContain(`node ${flags.join(' ')} src/main/${entry}.ts`)
  })
})
