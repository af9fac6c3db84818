import { AppError } from '../domain/error.ts'
import type { Asked, IdentityDeps } from './identity.ts'
import { contextFor } from './identity.ts'

export type Registrar = {
  /**
   * Has the provider send webhooks to the address; one that was made for the same owner before is gone afterwards. Null
   * where the provider has no call for that. Throws `permanent` where this credential may not, and what any call may throw.
   */
  register(
    asked: Asked,
    target: { url: string; owner: string },
  ): Promise<{ id: string; secret: string } | null>
  unregister(asked: Asked, id: string): Promise<void>
}

export function createRegistrar(deps: IdentityDeps): Registrar {
  return {
    async register(asked, target) {
      const register = asked.connector.webhooks?.register
      if (register === undefined) return null
      try {
        return await register(contextFor(deps, asked, 'mutation'), target)
      } catch (error) {
        // Whether it was made does not matter: the next call takes it away.
        if (error instanceof AppError && error.kind === 'indeterminate')
          throw new AppError('transient', error.message, { cause: error })
        throw error
      }
    },
    async unregister(asked, id) {
      await asked.connector.webhooks?.unregister?.(contextFor(deps, asked, 'mutation'), id)
    },
  }
}
