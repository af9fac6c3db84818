import { z } from 'zod'
import { docsPage, errorsHtml } from '../docsPage.ts'
import { describe } from '../openapi.ts'
import type { Route } from '../route.ts'
import { ok, route } from '../route.ts'

const tag = 'This server'

const html = { contentType: 'text/html; charset=utf-8' }
/** Nothing but our own inline style: no script, no other host. */
const pageHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Cache-Control': 'no-cache',
}

const health = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' })
const readiness = z
  .object({
    status: z.enum(['ready', 'not ready']),
    parts: z
      .record(z.string(), z.string().nullable())
      .describe('What is wrong with each part; null: nothing.'),
  })
  .meta({ id: 'Readiness' })

/** `all`: every route, these included. The document and its page are made at the first call. */
export function selfRoutes(all: () => readonly Route[]): Route[] {
  return [...stateRoutes, ...docRoutes(all)]
}

const stateRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/healthz',
    operation: 'getHealth',
    fixed: true,
    summary: 'Does the process run?',
    tag,
    right: null,
    answers: { 200: { description: 'It runs.', schema: health } },
    problems: [],
    async handle() {
      return ok({ status: 'ok' })
    },
  }),
  route({
    method: 'GET',
    path: '/readyz',
    operation: 'getReadiness',
    summary: 'Can it serve?',
    description: 'Only the database decides: while Temporal is away, reads and consumers go on.',
    tag,
    right: null,
    timeoutMs: 10_000,
    answers: {
      200: { description: 'It can.', schema: readiness },
      503: { description: 'It cannot.', schema: readiness },
    },
    problems: [],
    async handle({ deps }) {
      const parts = await deps.ready()
      const ready = (parts['database'] ?? null) === null
      return { status: ready ? 200 : 503, body: { status: ready ? 'ready' : 'not ready', parts } }
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    operation: 'getMetrics',
    summary: 'Metrics for Prometheus',
    tag,
    right: null,
    answers: { 200: { description: 'Text of Prometheus.', contentType: 'text/plain' } },
    problems: [],
    async handle({ deps }) {
      return { status: 200, ...(await deps.metrics()) }
    },
  }),
]

function docRoutes(all: () => readonly Route[]): Route[] {
  const document = once(() => describe(all()))
  const text = once(() => JSON.stringify(document()))
  const page = once(() => docsPage(document()))
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      operation: 'getOpenapi',
      fixed: true,
      summary: 'This API as an OpenAPI 3.1 document',
      tag,
      right: null,
      answers: { 200: { description: 'The document.', schema: z.record(z.string(), z.unknown()) } },
      problems: [],
      async handle() {
        return { status: 200, text: text(), headers: { 'Cache-Control': 'no-cache' } }
      },
    }),
    route({
      method: 'GET',
      path: '/docs',
      operation: 'getDocs',
      fixed: true,
      summary: 'This API as a page',
      tag,
      right: null,
      answers: {
        200: { description: 'A page that needs nothing else.', contentType: 'text/html' },
      },
      problems: [],
      async handle() {
        return { status: 200, text: page(), ...html, headers: pageHeaders }
      },
    }),
    route({
      method: 'GET',
      path: '/docs/errors',
      operation: 'getErrorDocs',
      fixed: true,
      summary: 'Every kind of problem',
      description: 'Where the `type` of a problem points.',
      tag,
      right: null,
      answers: {
        200: { description: 'A page that needs nothing else.', contentType: 'text/html' },
      },
      problems: [],
      async handle() {
        return { status: 200, text: errorsHtml(), ...html, headers: pageHeaders }
      },
    }),
  ]
}

function once<Made>(make: () => Made): () => Made {
  let made: { it: Made } | null = null
  return () => (made ??= { it: make() }).it
}
