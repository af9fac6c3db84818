import type { Running } from './bringUp.ts'
import type { Home } from './home.ts'

/** The text under the progress: where everything is, and one command to try. */
export function whatNext(running: Running, home: Home): (consumerId: string | null) => string[] {
  const key =
    home.secrets.apiKeyFile === null ? '$SLUICE_API_KEY' : `$(cat ${home.secrets.apiKeyFile})`
  const path = (consumerId: string | null): string =>
    consumerId === null ? '/v1/providers' : `/v1/http-consumers/${consumerId}/next?batch_size=3`
  return (consumerId) => [
    `API          ${running.api}   docs: ${running.api}/docs`,
    `API key      ${home.secrets.apiKeyFile ?? 'the one of SLUICE_API_KEY'}`,
    `Temporal UI  ${running.temporalUi ?? `that of ${running.temporal}`}`,
    `logs         ${home.shown('logs')}`,
    '',
    consumerId === null ? 'See which providers there are:' : 'Take the next records of the stream:',
    '',
    `  curl -s -H "Authorization: Bearer ${key}" '${running.api}${path(consumerId)}'`,
    '',
    'Ctrl-C stops everything; the next npm start goes on from here.',
  ]
}
