import { AppError } from '../domain/error.ts'
import { hashKey } from '../store/apiKeys.ts'
import type { Caller, Found, Scope } from '../store/apiKeys.ts'

/** What a route asks of its caller. `consume` is for workers: it reads consumers and works on their deliveries. */
export type Right = Scope | 'operator'

const grants: Record<Scope, Right[]> = {
  read: ['read'],
  write: ['read', 'write'],
  consume: ['consume'],
  admin: ['read', 'write', 'consume', 'admin'],
}

/** Who calls. Each cause of a refusal has its own text; that a key is unknown or revoked is one cause. */
export function callerFrom(found: Found | null, now: number): Caller {
  if (found === null) throw refused('This API key is unknown or revoked.')
  if (found.expiresAt !== null && found.expiresAt.getTime() <= now) {
    throw refused(`This API key expired at ${found.expiresAt.toISOString()}.`)
  }
  return found.caller
}

/** Throws 403 unless the caller has the right. */
export function authorize(caller: Caller, right: Right): void {
  if (caller.operator) return
  if (right === 'operator') {
    throw new AppError('forbidden', 'Only the operator key of this installation may do this.')
  }
  if (caller.scopes.some((scope) => grants[scope].includes(right))) return
  throw new AppError(
    'forbidden',
    `This API key has not the scope \`${right}\`. It has: ${caller.scopes.map((scope) => `\`${scope}\``).join(', ')}.`,
  )
}

/** Hash of the key in an Authorization header: visible ASCII but the comma, which joins two headers. */
export function keyHashOf(header: string | null): string {
  const [, key] = /^\s*bearer\s+([\x21-\x2b\x2d-\x7e]{8,512})\s*$/i.exec(header ?? '') ?? []
  if (key === undefined) throw refused(noKeyIn(header ?? ''))
  return hashKey(key)
}

function noKeyIn(header: string): string {
  if (header.trim() === '') return 'The request has no Authorization header.'
  if (header.includes(',')) return 'The request has more than one Authorization header.'
  const [scheme = '', ...rest] = header.trim().split(/\s+/)
  if (scheme.toLowerCase() !== 'bearer')
    return 'The Authorization header does not begin with `Bearer`.'
  if (rest.length !== 1) return 'After `Bearer` must stand exactly one API key.'
  return 'What follows `Bearer` does not look like an API key.'
}

function refused(cause: string): AppError {
  return new AppError(
    'unauthenticated',
    `${cause} Send \`Authorization: Bearer <api key>\`; keys are made with POST /v1/api-keys, and the first one lies where the start of the server says.`,
  )
}
