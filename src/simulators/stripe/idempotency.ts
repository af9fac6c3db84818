import type { SimAnswer, SimRequest } from '../kit/serve.ts'
import type { Account } from './account.ts'
import { StripeError, errorAnswer } from './errors.ts'

type Kept = {
  at: number
  path: string
  params: string
  status: number
  requestId: string
  body: string
}

const keptMs = 24 * 3_600_000
const keyLengthMax = 255

/** The answer that this key got before; null: it is new, or there is none. */
export function replayed(account: Account, request: SimRequest): SimAnswer | null {
  const key = keyOf(request)
  if (key === null) return null
  if (key.length > keyLengthMax) {
    throw new StripeError(400, {
      message: `Idempotency keys are at most ${keyLengthMax} characters long.`,
    })
  }
  const kept = account.notes.get(`idempotency ${key}`) as Kept | undefined
  if (kept === undefined || kept.at < account.now() - keptMs) return null
  if (kept.path !== request.path || kept.params !== request.body) {
    throw new StripeError(400, {
      type: 'idempotency_error',
      message:
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a ` +
        `key other than '${key}' if you meant to execute a different request.`,
    })
  }
  return {
    status: kept.status,
    headers: {
      'idempotency-key': key,
      'idempotent-replayed': 'true',
      'original-request': kept.requestId,
    },
    body: kept.body,
  }
}

/** Runs a write and keeps its answer, also a refusal, under the request's key. */
export function settle(
  account: Account,
  request: SimRequest,
  requestId: string,
  write: () => SimAnswer,
): SimAnswer {
  const key = keyOf(request)
  if (key === null) return write()
  return account.change(() => {
    let answer: SimAnswer
    try {
      answer = write()
    } catch (error) {
      if (!(error instanceof StripeError)) throw error
      answer = errorAnswer(error, requestId, account.livemode)
    }
    const kept: Kept = {
      at: account.now(),
      path: request.path,
      params: request.body,
      status: answer.status,
      requestId,
      body: String(answer.body),
    }
    forgetOld(account)
    account.note(`idempotency ${key}`, kept)
    return { ...answer, headers: { ...answer.headers, 'idempotency-key': key } }
  })
}

/** Notes stand in the order of writing: the first young one ends the search. */
function forgetOld(account: Account): void {
  for (const [name, value] of account.notes) {
    if (!name.startsWith('idempotency ')) continue
    if ((value as Kept).at >= account.now() - keptMs) return
    account.note(name, null)
  }
}

function keyOf({ headers }: SimRequest): string | null {
  const key = headers['idempotency-key']
  return typeof key === 'string' && key !== '' ? key : null
}
