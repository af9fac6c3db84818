import type { Connector, Granted, OauthClient, Oauth } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { ACCEPTED_ENCODINGS } from '../upstream/body.ts'
import { broken, neverSent } from '../upstream/classify.ts'
import type { Http, HttpAnswer } from '../upstream/http.ts'
import { retryAfterMs } from '../upstream/retryAfter.ts'

export type Asking = {
  connector: Pick<Connector, 'title'>
  oauth: Oauth
  baseUrl: string
  /** Secrets included. */
  properties: Record<string, unknown>
  app: OauthClient | null
  signal: AbortSignal
}

export type Outcome =
  | { granted: Granted }
  /** Final: a sentence with what to do. */
  | { refused: string }
  /** `unsent`: the provider cannot have seen the request, so what was to be traded in is unspent for sure. */
  | { failed: AppError; unsent: boolean }

/** The same for a credential that is being put in. Throws `auth` where the provider refuses, else what comes again. */
export async function grant(http: Http, asking: Asking): Promise<Granted> {
  const outcome = await askForToken(http, asking)
  if ('granted' in outcome) return outcome.granted
  throw 'refused' in outcome ? new AppError('auth', outcome.refused) : outcome.failed
}

/** Asks the provider once for an access token. Never throws for what the provider or the way to it does. */
export async function askForToken(http: Http, asking: Asking): Promise<Outcome> {
  const { connector, oauth, properties, app } = asking
  if (oauth.needsApp && app === null) {
    return {
      refused: `This credential for ${connector.title} has no OAuth app. Set its oauth_app_id.`,
    }
  }
  const request = oauth.refresh(properties, app)
  const base = new URL(asking.baseUrl)
  const url = new URL(base.pathname.replace(/\/$/, '') + request.path, base)
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value)
  let answer: HttpAnswer
  try {
    answer = await http.send({
      url,
      method: request.method ?? 'POST',
      headers: {
        accept: 'application/json',
        'accept-encoding': ACCEPTED_ENCODINGS,
        'user-agent': 'sluice',
        ...request.headers,
      },
      body: request.body ?? null,
      signal: asking.signal,
    })
  } catch (error) {
    const failed = asking.signal.aborted
      ? new AppError('transient', `${connector.title} gave no new access token in time.`)
      : broken(connector.title, url.pathname, error)
    return { failed, unsent: neverSent(failed) }
  }
  const outcome = oauth.parse({ ...answer, path: url.pathname })
  if (outcome !== null) return 'refused' in outcome ? outcome : { granted: outcome }
  return { failed: unclear(connector.title, answer), unsent: false }
}

function unclear(title: string, { status, headers }: HttpAnswer): AppError {
  const waitMs = retryAfterMs(headers, Date.now())
  const wait = waitMs === null ? {} : { retryAfterMs: waitMs }
  if (status === 429)
    return new AppError('rate_limited', `${title} told to wait for a new access token.`, wait)
  return new AppError(
    'transient',
    `${title} gave no new access token (status ${status}); this is tried again.`,
    wait,
  )
}
