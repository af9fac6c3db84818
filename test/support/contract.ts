import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { expect } from 'vitest'
import { describe } from '../../src/api/openapi.ts'
import { routes } from '../../src/api/routes.ts'

/** Holds every answer of the API against the document that it serves: status, content type, body. */
const document = describe(routes)
const ajv = new Ajv2020({ strict: false, allErrors: true })
;(formats as unknown as (ajv: Ajv2020) => void)(ajv)
ajv.addSchema(document, 'openapi')

/** `GET /v1/streams 200`: what was answered in this file, and what the document says may be. */
export const exercised = new Set<string>()

export function documented(): string[] {
  return Object.entries(document.paths).flatMap(([path, at]) =>
    Object.entries(at).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  )
}

const patterns = Object.keys(document.paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}))

/** Throws unless the answer is one that the document promises for this call. Calls that the document does not know pass. */
export function expectContract(
  method: string,
  url: string,
  answer: { status: number; headers: Headers; text: string },
): void {
  const { pathname } = new URL(url, 'http://localhost')
  const at =
    patterns.find(({ path, pattern }) => !path.includes('{') && pattern.test(pathname)) ??
    patterns.find(({ pattern }) => pattern.test(pathname))
  const operation = at === undefined ? undefined : document.paths[at.path]?.[method.toLowerCase()]
  expect(answer.headers.get('x-request-id'), 'every answer has a request id').not.toBeNull()
  if (at === undefined || operation === undefined) return
  exercised.add(`${method} ${at.path} ${answer.status}`)
  const place = `${method} ${at.path} → ${answer.status}`
  const response = operation.responses[answer.status]
  expect(response, `${place} is in the document: ${answer.text.slice(0, 500)}`).toBeDefined()
  const types = Object.keys(response?.content ?? {})
  if (types.length === 0) return expect(answer.text, place).toBe('')
  const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? ''
  expect(types, place).toContain(type)
  if (!type.includes('json')) return
  const pointer = [
    'paths',
    at.path,
    method.toLowerCase(),
    'responses',
    String(answer.status),
    'content',
    type,
    'schema',
  ]
  const validate = ajv.compile({ $ref: `openapi#/${pointer.map(escaped).join('/')}` })
  const valid = validate(JSON.parse(answer.text))
  expect(valid, `${place}: ${ajv.errorsText(validate.errors)}\n${answer.text.slice(0, 1000)}`).toBe(
    true,
  )
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}
