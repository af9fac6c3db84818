import type { z } from 'zod'
import type { Caller } from '../store/apiKeys.ts'
import type { Right } from './auth.ts'
import type { Deadline } from './deadline.ts'
import type { AppDeps } from './deps.ts'
import type { ProblemCode } from './problems.ts'

/**
 * A route is data: the same schemas check what comes in and make the OpenAPI document (openapi.ts), and run.ts does for
 * all routes what no route may forget: who calls, whose objects, how much, once or again.
 */
export type Route = {
  method: Method
  path: string
  /** `createStream`: the name in generated clients. */
  operation: string
  summary: string
  description?: string
  tag: string
  /** Null: needs no key. */
  right: Right | null
  query?: z.ZodObject
  body?: z.ZodObject
  /** The call works without a body too. */
  bodyOptional?: boolean
  /** Takes the body as bytes, whatever it is: the handler checks it. */
  rawBody?: boolean
  answers: Record<number, AnswerText>
  /** Besides those that every route of its kind may answer with. */
  problems: ProblemCode[]
  /** A create: takes Idempotency-Key. */
  creates?: boolean
  /** Takes If-Match. */
  versioned?: boolean
  timeoutMs?: number
  /** Called for every record, or twice: served past Hono (direct.ts). */
  hot?: boolean
  /** A GET that takes something: HEAD, which Hono answers by it, is refused, for who asks by it would lose what it took. */
  takes?: boolean
  /** Answers from the code alone: nothing that it needs can be away. */
  fixed?: boolean
  handle(call: Call): Promise<Answer>
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
export type AnswerText = {
  description: string
  schema?: z.ZodType
  contentType?: string
  /** Headers besides those of every answer, with what they say. */
  headers?: Record<string, { description: string; schema: { type: 'integer' } }>
}

export type Call = {
  deps: AppDeps
  caller: Caller
  /** The tenant of the key: the first argument of every store function after the handle. */
  tenantId: string
  params: Record<string, string>
  query: Record<string, unknown>
  body: Record<string, unknown>
  raw: Buffer
  headers(): Headers
  /** What a created object is called, the same again for the same Idempotency-Key; empty where nothing is created. */
  newId: string
  /** The version in If-Match. */
  ifMatch: string | null
  requestId: string
  /** For what has waited: throws where the key was revoked, or ran out, since the call came. */
  stillAllowed(): Promise<void>
  /** Whether anyone still waits for the answer, cheap to ask. */
  deadline: Deadline
  /** Aborts when the client hangs up or the time is over. No accessor, which would keep every call in memory (docs/gotchas.md). */
  signal(): AbortSignal
}

export type Answer = {
  status: number
  /** Printed as JSON. */
  body?: object
  /** Ready text, for what must not be parsed and printed again. */
  text?: string
  contentType?: string
  /** Version of the object: its ETag. */
  version?: string
  headers?: Record<string, string>
}

type PathParams<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParams<Rest>
  : never

type Typed<Path extends string, Query, Body> = Omit<Call, 'params' | 'query' | 'body'> & {
  params: Record<PathParams<Path>, string>
  query: Query extends z.ZodObject ? z.output<Query> : Record<string, never>
  body: Body extends z.ZodObject ? z.output<Body> : Record<string, never>
}

/** Declares a route, with its call typed by its path and schemas. */
export function route<
  const Path extends string,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(
  definition: Omit<Route, 'path' | 'query' | 'body' | 'handle'> & {
    path: Path
    query?: Query
    body?: Body
    handle(call: Typed<Path, Query, Body>): Promise<Answer>
  },
): Route {
  return definition as unknown as Route
}

export function ok(body: object, version?: string): Answer {
  return { status: 200, body, ...(version === undefined ? {} : { version }) }
}

export function created(body: object, version?: string): Answer {
  return { status: 201, body, ...(version === undefined ? {} : { version }) }
}

export const noContent: Answer = { status: 204 }

/** What every DELETE answers. */
export function deleted(id: string, status = 200): Answer {
  return { status, body: { id, deleted: true } }
}
