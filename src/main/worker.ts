import { environment, readConfig } from '../config.ts'
import { createWorkerDeps } from '../deps.ts'
import { createLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { anyFree } from './embedded/ports.ts'
import { tellReady, untilTold } from './lifetime.ts'
import { run } from './run.ts'
import { serveWorkerHttp } from './workerHttp.ts'

/**
 * What is small and kept for long keeps the pool that it was cut from, 64 kB with Node's own size: the last answer of every
 * workflow, which Temporal's library keeps, and the ciphertext that every slice does. At a thousand syncs: 55 MB.
 */
Buffer.poolSize = 4096

await run(async () => {
  const told = untilTold()
  const config = readConfig(environment(), 'worker')
  const log = createLog(config)
  const metrics = createMetrics({ processMetrics: true })
  const sdkMetricsPort = config.metricsPort === null ? null : await anyFree()
  const worker = await createWorkerDeps({ config, log, metrics, sdkMetricsPort })
  const http =
    config.metricsPort === null
      ? null
      : await serveWorkerHttp({
          port: config.metricsPort,
          host: config.host,
          metrics,
          sdkMetricsPort,
          ready: worker.ready,
        })
  const ended = worker.run()
  log.info({ event: 'worker.ready' })
  tellReady({ pid: process.pid })
  const reason = await Promise.race([told, ended.then(() => null)])
  log.info({ event: 'worker.draining', reason })
  if (reason === null) await ended
  else {
    // where a slice did not return in time, its attempt is another worker's
    ended.catch((error: unknown) => log.warn({ event: 'worker.forced', error }))
    await worker.shutdown()
  }
  await http?.close()
})
