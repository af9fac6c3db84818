import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { places } from '../credentials/places.ts'
import { AppError, isAppError } from '../domain/error.ts'
import type { ErrorKind } from '../domain/error.ts'
import {
  beginIdempotent,
  endIdempotent,
  forgetIdempotent,
  releaseIdempotent,
} from '../store/idempotency.ts'
import type { Claim } from '../store/idempotency.ts'
import { answerText, sealedOf } from '../store/sealed.ts'
import type { Answer, Call } from './route.ts'

const waitMs = 10_000
const pollMs = 50

/** What a create refuses before it commits anything. After every other error something may stand. */
const refusals: ErrorKind[] = ['invalid', 'conflict', 'not_found']

/**
 * A create with an Idempotency-Key: equal requests of 24 h get the answer of the first, also those that come while it is
 * at work. Only successes are kept. What failed may have committed all the same, so its repeat begins at once under the
 * same id; what was refused gives the key back. Answers are sealed, for some show a secret that is shown once.
 */
export async function once(
  call: Omit<Call, 'newId'>,
  key: string,
  route: string,
  create: (newId: string) => Promise<Answer>,
): Promise<Answer> {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    const reason = 'must be 1 to 255 visible ASCII characters'
    throw new AppError('invalid', `Idempotency-Key ${reason}.`, {
      fields: { 'Idempotency-Key': [reason] },
    })
  }
  const { db, sealer, now } = call.deps
  const request = { key, route, bodyHash: createHash('sha256').update(call.raw).digest('hex') }
  const aad = places.idempotentAnswer(call.tenantId, key)
  const until = now() + waitMs
  while (true) {
    const begun = await beginIdempotent(db, call.tenantId, request)
    switch (begun.state) {
      case 'ours':
        return await createAs(call, begun.claim, () => create(begun.id))
      case 'answered': {
        const { ciphertext, keyId } = sealedOf(begun.response)
        const answer = sealer.open(ciphertext, keyId, aad) as Answer
        return { ...answer, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } }
      }
      case 'other body':
        throw new AppError(
          'conflict',
          'This Idempotency-Key was used with another path or body in the last 24 hours. Use a new key for a new request.',
          { code: 'idempotency-key-reused' },
        )
      case 'at work':
        if (now() >= until || call.signal().aborted) throw stillAtWork()
        await delay(pollMs)
    }
  }
}

async function createAs(
  call: Omit<Call, 'newId'>,
  claim: Claim,
  create: () => Promise<Answer>,
): Promise<Answer> {
  const { db, sealer } = call.deps
  const aad = places.idempotentAnswer(claim.tenantId, claim.key)
  try {
    const answer = await create()
    const response = answerText(sealer.seal(answer, aad))
    // who took it over may have made the secret of this answer worthless
    if (!(await endIdempotent(db, claim, { status: answer.status, response }))) throw stillAtWork()
    return answer
  } catch (error) {
    await giveBack(call, claim, error)
    throw error
  }
}

/** Should this fail too, the key stands as that of a process that died: taken over after a minute. */
async function giveBack({ deps }: Omit<Call, 'newId'>, claim: Claim, error: unknown) {
  const refused = isAppError(error) && refusals.includes(error.kind)
  try {
    await (refused ? forgetIdempotent : releaseIdempotent)(deps.db, claim)
  } catch (failure) {
    deps.log.warn({ event: 'idempotency.release_failed', err: failure })
  }
}

function stillAtWork(): AppError {
  return new AppError(
    'conflict',
    'The request with this Idempotency-Key is still at work. Repeat it in a moment.',
    { code: 'idempotency-in-progress', retryAfterMs: 1000 },
  )
}
