import type { Classified, Connector, FailedAnswer } from '../connectors/connector.ts'
import { AppError } from '../domain/error.ts'
import { retryAfterMs } from './retryAfter.ts'

/** What a failed answer means: the connector's facts first, then the general table. Never carries the provider's text. */
export function classify(
  connector: Pick<Connector, 'title' | 'classify'>,
  answer: FailedAnswer,
  nowMs: number,
  config: Record<string, string> = {},
): Classified {
  const told = retryAfterMs(answer.headers, nowMs)
  const known = connector.classify?.(answer, { config, nowMs }) ?? general(connector.title, answer)
  return told === null || known.retryAfterMs !== undefined
    ? known
    : { ...known, retryAfterMs: told }
}

function general(title: string, { status, path }: FailedAnswer): Classified {
  const where = path.split('?')[0]!
  if (status === 401) {
    return { kind: 'auth', message: `${title} refuses the credential. Put a valid one into it.` }
  }
  if (status === 429) return { kind: 'rate_limited', message: `${title} told to wait.` }
  if (status < 400) {
    return {
      kind: 'permanent',
      message: `${title} redirects ${where} elsewhere, which is never followed. Check base_url.`,
    }
  }
  if (status === 408 || status === 409 || status === 425 || status >= 500) {
    return {
      kind: 'transient',
      message: `${title} answered ${where} with status ${status}; this is tried again.`,
    }
  }
  if (status === 403) {
    return {
      kind: 'permanent',
      message: `${title} does not let this credential read ${where}. Give it that permission.`,
    }
  }
  return { kind: 'permanent', message: `${title} refuses ${where} with status ${status}.` }
}

/** What went wrong on the way, where no answer came or none that can be read. */
export function broken(title: string, path: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = codeOf(error)
  if (code === 'UND_ERR_INVALID_ARG') {
    return new AppError(
      'auth',
      `The credential for ${title} holds characters that no request can carry. Put a valid one into it.`,
    )
  }
  const what = sentences[code] ?? 'the connection failed'
  return new AppError(
    'transient',
    `${title}: ${what} (${path.split('?')[0]}); this is tried again.`,
    {
      details: { code },
    },
  )
}

/** True: nothing of the request can have reached the provider. */
export function neverSent(error: AppError): boolean {
  return /^(UND_ERR_CONNECT_TIMEOUT|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT_.*|ERR_TLS_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*)$/.test(
    String(error.details['code']),
  )
}

const sentences: Record<string, string> = {
  UND_ERR_CONNECT_TIMEOUT: 'no connection within the time allowed',
  UND_ERR_HEADERS_TIMEOUT: 'no answer within the time allowed',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped in the middle',
  TOO_SLOW: 'the whole answer did not come within the time allowed',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'the answer is not UTF-8',
  Z_DATA_ERROR: 'the answer cannot be unpacked',
  Z_BUF_ERROR: 'the answer stopped in the middle',
  UND_ERR_SOCKET: 'the connection was closed in the middle',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
}

function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = (at as Error & { code?: unknown }).code
    if (typeof code === 'string') return code
  }
  return 'unknown'
}
