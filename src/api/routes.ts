import type { Route } from './route.ts'
import { consumeRoutes } from './routes/consume.ts'
import { consumerRoutes } from './routes/consumers.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { keyRoutes, tenantRoutes } from './routes/keys.ts'
import { oauthAppRoutes } from './routes/oauthApps.ts'
import { providerRoutes } from './routes/providers.ts'
import { recordRoutes } from './routes/records.ts'
import { selfRoutes } from './routes/self.ts'
import { streamRoutes } from './routes/streams.ts'
import { syncCommandRoutes } from './routes/syncCommands.ts'
import { syncRoutes } from './routes/syncs.ts'
import { webhookRoutes } from './routes/webhooks.ts'

/** Every route there is, in the order of the documentation. A route that is not here does not exist. */
export const routes: readonly Route[] = [
  ...streamRoutes,
  ...providerRoutes,
  ...credentialRoutes,
  ...oauthAppRoutes,
  ...syncRoutes,
  ...syncCommandRoutes,
  ...consumerRoutes,
  ...consumeRoutes,
  ...recordRoutes,
  ...webhookRoutes,
  ...keyRoutes,
  ...tenantRoutes,
  ...selfRoutes(() => routes),
]
