import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { docsPage, errorsHtml } from './docsPage.ts'
import { describe } from './openapi.ts'
import { typeOf } from './problem.ts'
import type { ProblemCode } from './problems.ts'
import { errorsPage, problems } from './problems.ts'
import { routes } from './routes.ts'

const document = describe(routes)
const docs = (file: string) =>
  readFileSync(join(import.meta.dirname, '..', '..', 'docs', file), 'utf8')

test('docs/openapi.json is what the code says (npm run docs:api)', () => {
  expect(JSON.parse(docs('openapi.json'))).toEqual(JSON.parse(JSON.stringify(document)))
})

test('docs/errors.md is what the code says (npm run docs:api)', () => {
  expect(docs('errors.md')).toBe(errorsPage())
})

test('every problem has a heading that its type points to, on the page and in the file', () => {
  for (const code of Object.keys(problems) as ProblemCode[]) {
    expect(errorsPage()).toContain(`\n## ${code}\n`)
    expect(errorsHtml()).toContain(`id="${typeOf(code).split('#')[1]}"`)
  }
})

test('operations have names of their own, and every path is under /v1 or of the server itself', () => {
  const names = routes.map((route) => route.operation)
  expect(new Set(names).size).toBe(names.length)
  for (const { path } of routes)
    expect(path).toMatch(/^\/(v1\/|healthz$|readyz$|metrics$|openapi\.json$|docs(\/errors)?$)/)
})

test('every reference resolves, and every component is used', () => {
  const text = JSON.stringify(document)
  const used = new Set(
    [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name),
  )
  expect(used).toEqual(new Set(Object.keys(document.components.schemas)))
})

test('examples fit their own schemas', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'openapi')
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    for (const example of (schema['examples'] ?? []) as unknown[]) {
      const validate = ajv.compile({ $ref: `openapi#/components/schemas/${name}` })
      expect(validate(example), `${name}: ${ajv.errorsText(validate.errors)}`).toBe(true)
    }
  }
})

test('the page needs no other host and runs no script', () => {
  const page = docsPage(document)
  expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=/i)
  expect(
    [...page.matchAll(/href="([^"#]+)/g)]
      .map(([, href]) => href)
      .every((href) => href?.startsWith('/')),
  ).toBe(true)
  for (const route of routes) expect(page).toContain(`id="${route.operation}"`)
})
