import { isAppError } from '../domain/error.ts'
import { findStream } from '../store/streams.ts'
import type { ApiDeps } from './deps.ts'
import { invalid } from './input.ts'

/** The stream that a body names by id or slug, or a 422. */
export function streamOf(
  deps: ApiDeps,
  tenantId: string,
  stream: string,
): Promise<{ id: string; streamNo: number }> {
  return known(
    findStream(deps.db, tenantId, stream),
    'stream_id',
    'names no stream of this tenant, neither by id nor by slug',
  )
}

/** In a filter, what is not there matches nothing. */
export async function streamIdOrNone(
  deps: ApiDeps,
  tenantId: string,
  stream: string,
): Promise<string> {
  try {
    return (await findStream(deps.db, tenantId, stream)).id
  } catch (error) {
    if (!isAppError(error, 'not_found')) throw error
    return '00000000-0000-0000-0000-000000000000'
  }
}

/** What a body names and is not there is a wrong field, not a missing page. */
export async function known<Found>(
  found: Promise<Found>,
  field: string,
  reason: string,
): Promise<Found> {
  try {
    return await found
  } catch (error) {
    if (!isAppError(error, 'not_found')) throw error
    throw invalid({ [field]: [reason] })
  }
}
