import { toAppError } from '../src/db/errors.ts'
import { limits } from '../src/domain/limits.ts'
import { assertSameAccount } from './account.ts'
import type { Checked } from './contract.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened } from './open.ts'
import { openSync } from './open.ts'
import { acceptCredential, promiseLife, refuseCredential } from './state.ts'

const minute = 60_000

/** Is the credential accepted, and still the same account in the same mode? No request unless the sync is active. */
export async function checkCredential(
  deps: ActivityDeps,
  syncId: string,
  signal: AbortSignal,
): Promise<Checked> {
  const opened = await openSync(deps, syncId)
  const { status, epoch, facts } = opened
  const answer = (refused: string | null): Checked => ({ status, epoch, facts, refused })
  if (status !== 'active') return answer(null)
  const sql = deps.pools.write
  try {
    await assertSameAccount(deps, opened, opened.context('changes', signal))
    await acceptCredential(sql, opened.credential.id)
    return answer(null)
  } catch (thrown) {
    const error = toAppError(thrown)
    if (error.kind !== 'auth') throw error
    await refuse(deps, opened, error.message)
    return answer(error.message)
  }
}

async function refuse(deps: ActivityDeps, opened: Opened, reason: string): Promise<void> {
  await refuseCredential(deps.pools.write, opened.credential.id, reason)
  await promiseLife(deps.pools.write, opened.syncId, limits.credentialProbeMs + 10 * minute)
  deps.log.warn({ event: 'credential.refused', syncId: opened.syncId, reason })
}
