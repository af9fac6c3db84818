import { randomUUID } from 'node:crypto'
import { toAppError } from '../db/errors.ts'
import { AppError } from '../domain/error.ts'
import type { Caller } from '../store/apiKeys.ts'
import { authorize, callerFrom } from './auth.ts'
import type { Right } from './auth.ts'
import type { Callers } from './callers.ts'
import { Deadline } from './deadline.ts'
import type { AppDeps } from './deps.ts'
import { parse, parseBody, parseQuery } from './input.ts'
import type { KeyLimit } from './keyLimit.ts'
import { once } from './once.ts'
import { problemOf } from './problem.ts'
import type { ApiRequest, ApiResponse } from './request.ts'
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
  request: ApiRequest,
): Promise<ApiResponse> {
  const startedAt = deps.now()
  const requestId = requestIdOf(request)
  const timeoutMs = limits.timeoutMs ?? route.timeoutMs ?? timeoutMsDefault
  const deadline = new Deadline(timeoutMs, request)
  let response: ApiResponse
  try {
    const answer = await deadline.race(answerOf(deps, limits, route, request, requestId, deadline))
    if (revokes(route)) limits.callers.clear()
    response = respond(answer, requestId)
  } catch (error) {
    response = failed(deps, error, request, requestId, route.operation)
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
  request: ApiRequest,
  requestId: string = requestIdOf(request),
  operation = 'none',
): ApiResponse {
  const thrown = error instanceof AppError ? error : toAppError(error)
  const known = isOutOfRange(thrown) ? outOfRange(thrown) : thrown
  if (known.kind === 'bug') {
    deps.log.error({ event: 'request.failed', operation, request_id: requestId, err: error })
  }
  const problem = problemOf(known, { instance: request.path, requestId })
  return {
    status: problem.status,
    headers: { ...safeHeaders, 'X-Request-Id': requestId, ...problem.headers },
    body: problem.text,
  }
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
  request: ApiRequest,
  requestId: string,
  deadline: Deadline,
): Promise<Answer> {
  const { right } = route
  const caller =
    right === null ? nobody : await callerOf(deps, limits.callers, right, request, limits.key)
  const hasBody = route.body !== undefined || route.rawBody === true
  const raw = hasBody ? await request.body() : Buffer.alloc(0)
  const fields = {
    deps,
    caller,
    tenantId: caller.tenantId,
    params: request.params(),
    query: parseQuery(request.search, route.query),
    body:
      route.body === undefined
        ? {}
        : parse(route.body, parseBody(raw, request, route.bodyOptional === true)),
    raw,
    headers: () => request.headers(),
    ifMatch: route.versioned === true ? ifMatchOf(request) : null,
    requestId,
    async stillAllowed() {
      if (right !== null) await callerOf(deps, limits.callers, right, request, null)
    },
  }
  const signal = () => deadline.signal()
  const call = (newId: string): Call => ({ ...fields, newId, deadline, signal })
  if (route.creates !== true) return await route.handle(call(''))
  const key = request.header('idempotency-key')
  if (key === null) return await route.handle(call(randomUUID()))
  return await once(call(''), key, `${route.method} ${request.path}`, (newId) =>
    route.handle(call(newId)),
  )
}

const nobody: Caller = { keyId: '', tenantId: '', scopes: [], operator: false }

async function callerOf(
  deps: AppDeps,
  callers: Callers,
  right: Right,
  request: ApiRequest,
  counted: KeyLimit | null,
): Promise<Caller> {
  // not the wall clock: set back by an hour, it would keep revoked keys and refuse busy ones for so long
  const ticks = performance.now()
  const caller = callerFrom(await callers.find(request.keyHash(), ticks), deps.now())
  counted?.take(caller.keyId, right, ticks)
  authorize(caller, right)
  return caller
}

function ifMatchOf(request: ApiRequest): string | null {
  const header = request.header('if-match')
  if (header === null || header.trim() === '*') return null
  return header.trim().replace(/^W\//, '').replaceAll('"', '')
}

function respond(answer: Answer, requestId: string): ApiResponse {
  const text = answer.text ?? (answer.body === undefined ? null : JSON.stringify(answer.body))
  const headers: Record<string, string> = { ...safeHeaders, 'X-Request-Id': requestId }
  if (text !== null) headers['Content-Type'] = answer.contentType ?? 'application/json'
  if (answer.version !== undefined) headers['ETag'] = `"${answer.version}"`
  return {
    status: answer.status,
    headers: Object.assign(headers, answer.headers),
    body: wired(text),
  }
}

/** A long text goes out as bytes: node measures it, and writes it, one character after the other. */
function wired(text: string | null): string | Uint8Array<ArrayBuffer> | null {
  return text === null || text.length < bytesFrom ? text : Buffer.from(text)
}

/** A caller's own id is kept where it is harmless in a log. */
function requestIdOf(request: ApiRequest): string {
  const given = request.header('x-request-id')
  return given !== null && /^[\w.-]{1,64}$/.test(given) ? given : newRequestId()
}

/** A UUID whose last 48 bits count: one made at random, joined of twenty pieces, was 2 % of a hot call. */
const ofProcess = randomUUID().slice(0, -12)
let requests = 0

function newRequestId(): string {
  return ofProcess + (++requests).toString(16).padStart(12, '0')
}
