import { createApp } from '../api/app.ts'
import { serveApi } from '../api/server.ts'
import { environment, readConfig } from '../config.ts'
import { createApiDeps } from '../deps.ts'
import { createLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { tellReady, untilTold } from './lifetime.ts'
import { run } from './run.ts'

/** Requests that are still running then are cut. */
const CLOSE_MS = 2_000

await run(async () => {
  const told = untilTold()
  const config = readConfig(environment(), 'api')
  const log = createLog(config)
  const metrics = createMetrics({ processMetrics: true })
  const { deps, close } = await createApiDeps({ config, log, metrics })
  const server = await serveApi(createApp(deps), { host: config.host, port: config.port })
  log.info({ event: 'api.ready', url: server.url })
  tellReady({ url: server.url })
  log.info({ event: 'api.draining', reason: await told })
  // Waiting `next` calls answer now, empty.
  await deps.dispatcher.close()
  await server.close(CLOSE_MS)
  await close()
})
