/** Another account, or its other mode, would make everything that we hold look deleted: nothing is judged under it. */
import type { Context, Identity } from '../src/connectors/connector.ts'
import { places } from '../src/credentials/places.ts'
import { AppError, isAppError } from '../src/domain/error.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened } from './open.ts'

/** What was found out is good for so long. */
const goodForMs = 60_000

/**
 * Asks the provider whether the credential still names the account and mode that the sync began with. Throws AppError
 * `auth` where not. One or two requests.
 */
export async function assertSameAccount(
  deps: Pick<ActivityDeps, 'sealer'>,
  opened: Opened,
  ctx: Context,
): Promise<void> {
  try {
    const other = otherAccount(deps, opened, await opened.connector.identify(ctx))
    if (other !== null) throw new AppError('auth', other, { code: 'other-account' })
  } catch (error) {
    // It may read next to nothing, and is accepted all the same.
    if (!isAppError(error, 'permanent')) throw error
  }
}

/** The same, for a slice: asked at most once a minute, and only when something is about to be deleted. */
export function accountGuard(
  deps: ActivityDeps,
  opened: Opened,
  ctx: Context,
): () => Promise<void> {
  let goodUntilMs = 0
  return async () => {
    if (deps.now() < goodUntilMs) return
    await assertSameAccount(deps, opened, ctx)
    goodUntilMs = deps.now() + goodForMs
  }
}

function otherAccount(
  deps: Pick<ActivityDeps, 'sealer'>,
  opened: Opened,
  identity: Identity,
): string | null {
  const { credential, connector } = opened
  const kind = connector.credentialKinds.find((one) => one.kind === credential.kind)
  const place = places.credential(credential.id)
  const secrets = deps.sealer.open(credential.ciphertext, credential.keyId, place)
  const properties = { ...credential.properties, ...secrets }
  if ((kind?.livemode?.(properties) ?? identity.livemode) !== credential.livemode) {
    return 'The credential is now one of the other mode (live or test). Put back one of the mode that this sync began with.'
  }
  const unnamed = credential.upstreamAccount === kind?.fallbackAccount(properties)
  if (identity.account === null || unnamed || identity.account === credential.upstreamAccount)
    return null
  return 'The credential now belongs to another account. Put back one of the account that this sync began with.'
}
