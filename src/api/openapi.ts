import { z } from 'zod'
import { grouped } from './grouped.ts'
import { linksOf } from './links.ts'
import type { Link } from './links.ts'
import type { ProblemCode } from './problems.ts'
import { problems } from './problems.ts'
import { typeOf } from './problem.ts'
import type { Route } from './route.ts'

type JsonSchema = Record<string, unknown>
export type Operation = {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: object[]
  parameters: Parameter[]
  requestBody?: {
    required: boolean
    content: Record<string, { schema: JsonSchema; example?: unknown }>
  }
  responses: Record<
    string,
    {
      description: string
      headers?: object
      content?: Record<string, { schema: JsonSchema }>
      links?: Record<string, Link>
    }
  >
}
export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  description?: string
  schema?: JsonSchema
  content?: object
}
export type OpenApi = {
  openapi: '3.1.0'
  info: object
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, JsonSchema>; securitySchemes: object }
}

/**
 * The OpenAPI 3.1 document of these routes, made from the very schemas that check requests. It depends on nothing but the
 * code, so docs/openapi.json is this, printed.
 */
export function describe(routes: readonly Route[]): OpenApi {
  const schemas: Record<string, JsonSchema> = {}
  const paths: OpenApi['paths'] = {}
  for (const route of routes) {
    const at = (paths[route.path] ??= {})
    at[route.method.toLowerCase()] = operationOf(routes, route, schemas)
  }
  schemas['Problem'] = problemSchema
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: '1',
      description:
        'Syncs whole SaaS accounts into durable streams, and hands those streams to consumers.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key.' } },
    },
  }
}

function operationOf(
  routes: readonly Route[],
  route: Route,
  schemas: Record<string, JsonSchema>,
): Operation {
  const description = [
    route.description,
    route.right === null ? undefined : `Needs the scope \`${route.right}\`.`,
  ]
    .filter((text) => text !== undefined)
    .join(' ')
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(description === '' ? {} : { description }),
    tags: [route.tag],
    security: route.right === null ? [] : [{ key: [] }],
    parameters: parametersOf(route, schemas),
    ...bodyOf(route, schemas),
    responses: merged(successes(routes, route, schemas), failures(route)),
  }
}

function parametersOf(route: Route, schemas: Record<string, JsonSchema>): Parameter[] {
  const path = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']): Parameter => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const query = Object.entries(route.query?.shape ?? {}).map(([name, schema]): Parameter => {
    const { description, ...rest } = schemaOf(schema as z.ZodType, 'input', schemas)
    const required = !(schema as z.ZodType).safeParse(undefined).success
    const shape =
      rest['type'] === 'object'
        ? { content: { 'application/json': { schema: rest } } }
        : { schema: rest }
    return {
      name,
      in: 'query',
      required,
      ...(typeof description === 'string' ? { description } : {}),
      ...shape,
    }
  })
  const header = (name: string, text: string, limits: JsonSchema = {}): Parameter => ({
    name,
    in: 'header',
    required: false,
    description: text,
    schema: { type: 'string', ...limits },
  })
  return [
    ...path,
    ...query,
    ...(route.creates === true
      ? [
          header(
            'Idempotency-Key',
            'The same request with the same key, within 24 hours, is answered as before and creates nothing again; after a failure it is tried again, and what the first one had made all the same is not made twice. 1 to 255 visible ASCII characters.',
            { pattern: '^[\\x21-\\x7e]{1,255}$' },
          ),
        ]
      : []),
    ...(route.versioned === true
      ? [
          header(
            'If-Match',
            'The `ETag` of the version that you saw: the change is refused when there is a newer one.',
          ),
        ]
      : []),
  ]
}

function bodyOf(route: Route, schemas: Record<string, JsonSchema>): Pick<Operation, 'requestBody'> {
  if (route.rawBody === true)
    return { requestBody: { required: true, content: { 'application/json': { schema: {} } } } }
  if (route.body === undefined) return {}
  const schema = schemaOf(route.body, 'input', schemas)
  return {
    requestBody: {
      required: route.bodyOptional !== true,
      content: { 'application/json': { schema } },
    },
  }
}

function successes(
  routes: readonly Route[],
  route: Route,
  schemas: Record<string, JsonSchema>,
): Operation['responses'] {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, answer]) => {
      const type = answer.contentType ?? 'application/json'
      const schema =
        answer.schema === undefined
          ? { type: 'string' }
          : schemaOf(answer.schema, 'output', schemas)
      const links = linksOf(routes, route, status)
      const empty = answer.schema === undefined && answer.contentType === undefined
      return [
        status,
        {
          description: answer.description,
          headers: { ...requestIdHeader, ...answer.headers },
          ...(empty ? {} : { content: { [type]: { schema } } }),
          ...(Object.keys(links).length === 0 ? {} : { links }),
        },
      ]
    }),
  )
}

/** Every problem that the route may answer with, by status; `description` names the types. */
function failures(route: Route): Operation['responses'] {
  const byStatus = grouped(problemCodes(route), (code): number => problems[code].status)
  return Object.fromEntries(
    [...byStatus.entries()]
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        String(status),
        {
          description: codes
            .map((code) => `\`${typeOf(code)}\`: ${problems[code].title}.`)
            .join(' '),
          headers: requestIdHeader,
          content: {
            'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
          },
        },
      ]),
  )
}

/** A status may be an answer and a problem: then the content type tells. */
function merged(
  answers: Operation['responses'],
  failures: Operation['responses'],
): Operation['responses'] {
  const both = { ...answers, ...failures }
  for (const [status, answer] of Object.entries(answers)) {
    const failure = failures[status]
    if (failure === undefined) continue
    const description = `${answer.description} Or ${failure.description}`
    both[status] = { ...answer, description, content: { ...answer.content, ...failure.content } }
  }
  return both
}

/** Those of the route, and those that the machinery before it (run.ts) answers with. */
function problemCodes(route: Route): ProblemCode[] {
  const hasBody = route.body !== undefined || route.rawBody === true
  const codes: ProblemCode[] = [
    ...route.problems,
    'invalid',
    ...(route.fixed === true ? [] : (['internal', 'unavailable'] as const)),
    ...(route.right === null ? [] : (['unauthenticated', 'forbidden', 'rate-limited'] as const)),
    ...(hasBody ? (['too-large'] as const) : []),
    ...(route.body === undefined ? [] : (['invalid-request', 'unsupported-media-type'] as const)),
    ...(route.path.includes('{') ? (['not-found'] as const) : []),
    ...(route.creates === true
      ? (['idempotency-key-reused', 'idempotency-in-progress'] as const)
      : []),
    ...(route.versioned === true ? (['precondition-failed'] as const) : []),
  ]
  return [...new Set(codes)]
}

const requestIdHeader = {
  'X-Request-Id': { description: 'Names this request in the log.', schema: { type: 'string' } },
}

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'RFC 9457.',
  properties: {
    type: {
      type: 'string',
      enum: (Object.keys(problems) as ProblemCode[]).map(typeOf),
      description: 'Stable: the part to branch on. Resolves to a heading at /docs/errors.',
    },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong and what to do, for people.' },
    instance: { type: 'string' },
    request_id: { type: 'string' },
    validation_errors: {
      type: 'object',
      description: 'Field → reasons.',
      additionalProperties: { type: 'array', items: { type: 'string' } },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'instance', 'request_id'],
  additionalProperties: false,
}

/** A schema for OpenAPI: named ones (`meta.id`) become components. */
function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
  components: Record<string, JsonSchema>,
): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: simplify,
  }) as JsonSchema
  const {
    $schema: _,
    $defs,
    ...rest
  } = repoint(made) as JsonSchema & { $defs?: Record<string, JsonSchema> }
  for (const [name, definition] of Object.entries($defs ?? {}))
    components[name] = withoutId(definition)
  const { id } = schema.meta() ?? {}
  if (typeof id !== 'string') return withoutId(rest)
  if (rest['$ref'] === undefined) components[id] = withoutId(rest)
  return { $ref: `#/components/schemas/${id}` }
}

function withoutId({ id: _, $id: __, example, ...rest }: JsonSchema): JsonSchema {
  return example === undefined ? rest : { ...rest, examples: [example] }
}

/** The formats say it; their patterns are pages long. `never` (a field that cannot change) is left out. */
function simplify({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (jsonSchema['format'] === 'uuid' || jsonSchema['format'] === 'date-time')
    delete jsonSchema['pattern']
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum']
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum']
  delete jsonSchema['propertyNames']
  const properties = jsonSchema['properties'] as Record<string, JsonSchema> | undefined
  for (const [name, property] of Object.entries(properties ?? {})) {
    if (JSON.stringify(property) === '{"not":{}}') delete properties?.[name]
  }
}

function repoint(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(repoint)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string'
        ? inner.replace('#/$defs/', '#/components/schemas/')
        : repoint(inner),
    ]),
  )
}
