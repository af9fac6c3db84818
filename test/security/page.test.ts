import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('every attempt of docs/security.md is a test, and every such test is on the page', () => {
  const page = new Set(readFileSync('docs/security.md', 'utf8').match(/^\| S\d\d(?= )/gm))
  const listed = [...page].map((cell) => cell.slice(2)).sort()
  const named = globSync('{src,test,activities,workflows}/**/*.test.ts').flatMap(
    (file) => readFileSync(file, 'utf8').match(/(?<=['"`])S\d\d(?=: |')/g) ?? [],
  )
  expect(listed).toEqual([...new Set(named)].sort())
  expect(listed.length).toBeGreaterThanOrEqual(40)
})
