import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { toAppError } from '../db/errors.ts'
import { AppError } from '../domain/error.ts'
import type { Caller } from '../store/apiKeys.ts'
import { authorize, callerFrom, keyOf } from './auth.ts'
import type { Right } from './auth.ts'
import type { Callers } from './callers.ts'
import { RequestClient } from './client.ts'
import { Deadline } from './deadline.ts'
import type { AppDeps } from './deps.ts'
import { isStorable, parse, parseBody, parseQuery, readBody } from './input.ts'
import type { KeyLimit } from './keyLimit.ts'
import { once } from './once.ts'
import { problemResponse } from './problem.ts'
import type { Answer, Call, Route } from './route.ts'

const timeoutMsDefault = 30_000
/** Below it node sends headers and text in one write. */
const bytesFrom = 16_384

/** On every answer. Scripts, frames and guesses of the content type have no business here; CORS is off by absence. */
const safeHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
}

/** `timeoutMs`: in place of what the routes say. */
export type Limits = { callers: Callers; key: KeyLimit; timeoutMs?: number }

/** Answers a request by a route: the one place where callers, tenants, bodies and errors are dealt with. */
export async function run(
  deps: AppDeps,
  limits: Limits,
  route: Route,
  context: Context,
): Promise<Response> {
  const startedAt = deps.now()
  const requestId = requestIdOf(context)
  const timeoutMs = limits.timeoutMs ?? route.timeoutMs ?? timeoutMsDefault
  const deadline = new Deadline(timeoutMs, new RequestClient(context))
  let response: Response
  try {
    const answer = await deadline.race(answerOf(deps, limits, route, context, requestId, deadline))
    if (revokes(route)) limits.callers.clear()
    response = respond(answer, requestId)
  } catch (error) {
    response = failed(deps, error, context, requestId, route.operation)
  }
  const ms = deps.now() - startedAt
  deps.log.debug({
    event: 'request',
    operation: route.operation,
    status: response.status,
    ms,
    request_id: requestId,
  })
  deps.onRequest?.({ method: route.method, route: route.path, status: response.status, ms })
  return response
}

/** Keys that this may have revoked must not be remembered. */
function revokes(route: Route): boolean {
  return route.method === 'DELETE' && (route.right === 'admin' || route.right === 'operator')
}

/** An answer for what matched no route, or failed outside of one. */
export function failed(
  deps: AppDeps,
  error: unknown,
  context: Context,
  requestId: string = requestIdOf(context),
  operation = 'none',
): Response {
  const thrown = error instanceof AppError ? error : toAppError(error)
  const known = isOutOfRange(thrown) ? outOfRange(thrown) : thrown
  if (known.kind === 'bug') {
    deps.log.error({ event: 'request.failed', operation, request_id: requestId, err: error })
  }
  return problemResponse(
    known,
    { instance: context.req.path, requestId },
    { ...safeHeaders, 'X-Request-Id': requestId },
  )
}

/** SQLSTATE class 22: the database has no room for a value that the schemas let through. */
function isOutOfRange(error: AppError): boolean {
  return error.kind === 'bug' && String(error.details['sqlstate']).startsWith('22')
}

function outOfRange(cause: AppError): AppError {
  return new AppError('invalid', 'A value is outside of what can be stored. Nothing was changed.', {
    cause,
  })
}

async function answerOf(
  deps: AppDeps,
  limits: Limits,
  route: Route,
  context: Context,
  requestId: string,
  deadline: Deadline,
): Promise<Answer> {
  const { headers } = context.req.raw
  const caller = route.right === null ? nobody : await callerOf(deps, limits, route.right, headers)
  const hasBody = route.body !== undefined || route.rawBody === true
  const raw = hasBody ? await readBody(context.req.raw) : Buffer.alloc(0)
  const fields = {
    deps,
    caller,
    tenantId: caller.tenantId,
    params: paramsOf(context),
    query: parseQuery(queryOf(context.req.url), route.query),
    body:
      route.body === undefined
        ? {}
        : parse(route.body, parseBody(raw, headers, route.bodyOptional === true)),
    raw,
    headers,
    ifMatch: route.versioned === true ? ifMatchOf(headers) : null,
    requestId,
  }
  const signal = () => deadline.signal()
  const call = (newId: string): Call => ({ ...fields, newId, deadline, signal })
  if (route.creates !== true) return await route.handle(call(''))
  const key = headers.get('idempotency-key')
  if (key === null) return await route.handle(call(randomUUID()))
  return await once(call(''), key, `${route.method} ${context.req.path}`, (newId) =>
    route.handle(call(newId)),
  )
}

const nobody: Caller = { keyId: '', tenantId: '', scopes: [], operator: false }

async function callerOf(
  deps: AppDeps,
  { callers, key }: Limits,
  right: Right,
  headers: Headers,
): Promise<Caller> {
  const now = deps.now()
  const caller = callerFrom(await callers.find(keyOf(headers.get('authorization')), now), now)
  key.take(caller.keyId, right, now)
  authorize(caller, right)
  return caller
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

function paramsOf(context: Context): Record<string, string> {
  const params = context.req.param() as Record<string, string>
  if (Object.values(params).every((value) => isStorable(value) && value.length <= 1000))
    return params
  throw new AppError('not_found', 'There is nothing at this path.')
}

function ifMatchOf(headers: Headers): string | null {
  const header = headers.get('if-match')
  if (header === null || header.trim() === '*') return null
  return header.trim().replace(/^W\//, '').replaceAll('"', '')
}

function respond(answer: Answer, requestId: string): Response {
  const text = answer.text ?? (answer.body === undefined ? null : JSON.stringify(answer.body))
  return new Response(wired(text), {
    status: answer.status,
    headers: {
      ...safeHeaders,
      'X-Request-Id': requestId,
      ...(text === null ? {} : { 'Content-Type': answer.contentType ?? 'application/json' }),
      ...(answer.version === undefined ? {} : { ETag: `"${answer.version}"` }),
      ...answer.headers,
    },
  })
}

/** A long text goes out as bytes: node measures it, and writes it, one character after the other. */
function wired(text: string | null): string | Uint8Array<ArrayBuffer> | null {
  return text === null || text.length < bytesFrom ? text : Buffer.from(text)
}

/** A caller's own id is kept where it is harmless in a log. */
function requestIdOf(context: Context): string {
  const given = context.req.raw.headers.get('x-request-id')
  return given !== null && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}
