import { places } from '../src/credentials/places.ts'
import { toAppError } from '../src/db/errors.ts'
import { limits } from '../src/domain/limits.ts'
import type { Identity } from '../src/connectors/connector.ts'
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
    const identity = await opened.connector.identify(opened.context('changes', signal))
    const refused = otherAccount(deps, opened, identity)
    if (refused === null) await acceptCredential(sql, opened.credential.id)
    else await refuse(deps, opened, refused)
    return answer(refused)
  } catch (thrown) {
    const error = toAppError(thrown)
    // It may read next to nothing, and is accepted all the same.
    if (error.kind === 'permanent') return answer(null)
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

/** Another account, or its other mode, would make everything that we hold look deleted. */
function otherAccount(deps: ActivityDeps, opened: Opened, identity: Identity): string | null {
  const { credential, connector } = opened
  const kind = connector.credentialKinds.find((one) => one.kind === credential.kind)
  const secrets = deps.sealer.open(
    credential.ciphertext,
    credential.keyId,
    places.credential(credential.id),
  )
  const properties = { ...credential.properties, ...secrets }
  if ((kind?.livemode?.(properties) ?? identity.livemode) !== credential.livemode) {
    return 'The credential is now one of the other mode (live or test). Put back one of the mode that this sync began with.'
  }
  const unnamed = credential.upstreamAccount === kind?.fallbackAccount(properties)
  if (identity.account === null || unnamed || identity.account === credential.upstreamAccount)
    return null
  return 'The credential now belongs to another account. Put back one of the account that this sync began with.'
}
