import { AppError } from '../domain/error.ts'
import type { Caller, Scope } from '../store/apiKeys.ts'
import type { Callers } from './callers.ts'

/** What a route asks of its caller. `consume` is for workers: it reads consumers and works on their deliveries. */
export type Right = Scope | 'operator'

const grants: Record<Scope, Right[]> = {
  read: ['read'],
  write: ['read', 'write'],
  consume: ['consume'],
  admin: ['read', 'write', 'consume', 'admin'],
}

/** Who calls, by the Authorization header. Each cause has its own text; that a key is unknown or revoked is one cause. */
export async function authenticate(
  callers: Callers,
  header: string | null,
  now: number,
): Promise<Caller> {
  const found = await callers.find(keyOf(header), now)
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

function keyOf(header: string | null): string {
  if (header === null || header.trim() === '')
    throw refused('The request has no Authorization header.')
  const [scheme = '', ...rest] = header.trim().split(/\s+/)
  if (header.includes(',')) throw refused('The request has more than one Authorization header.')
  if (scheme.toLowerCase() !== 'bearer')
    throw refused('The Authorization header does not begin with `Bearer`.')
  const [key] = rest
  if (key === undefined || rest.length !== 1)
    throw refused('After `Bearer` must stand exactly one API key.')
  if (!/^[\x21-\x7e]{8,512}$/.test(key))
    throw refused('What follows `Bearer` does not look like an API key.')
  return key
}

function refused(cause: string): AppError {
  return new AppError(
    'unauthenticated',
    `${cause} Send \`Authorization: Bearer <api key>\`; keys are made with POST /v1/api-keys, and the first one lies where the start of the server says.`,
  )
}
