import { createServer } from 'node:http'
import { ConfigError } from '../config.ts'
import type { Metrics } from '../metrics.ts'

const sdkTimeoutMs = 2_000

/** The worker's own small server: `/metrics` for Prometheus, `/healthz` (runs) and `/readyz` (takes work) for an orchestrator. */
export async function serveWorkerHttp(options: {
  host: string
  port: number
  metrics: Metrics
  /** Where Temporal's library serves its own; null: nowhere. */
  sdkMetricsPort: number | null
  ready: () => boolean
}): Promise<{ close(): Promise<void> }> {
  const { registry } = options.metrics
  const all = async () =>
    (await Promise.all([registry.metrics(), sdkMetrics(options.sdkMetricsPort)])).join('\n')
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type }).end(body)
    }
    if (request.url === '/healthz') return answer(200, 'ok\n')
    if (request.url === '/readyz')
      return options.ready() ? answer(200, 'ready\n') : answer(503, 'not ready\n')
    if (request.url !== '/metrics') return answer(404, 'there are /metrics, /healthz and /readyz\n')
    all().then(
      (text) => answer(200, text, registry.contentType),
      () => answer(500, 'the metrics could not be collected\n'),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new ConfigError(
          [
            `SLUICE_METRICS_PORT ${options.port} cannot be used on ${options.host} (${cause.code}): choose another port.`,
          ],
          { cause },
        ),
      ),
    )
    server.listen(options.port, options.host, resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Its text is simply more of the same format; no name of it is one of ours. */
async function sdkMetrics(port: number | null): Promise<string> {
  if (port === null) return ''
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
      signal: AbortSignal.timeout(sdkTimeoutMs),
    })
    return answer.ok ? await answer.text() : ''
  } catch {
    return ''
  }
}
