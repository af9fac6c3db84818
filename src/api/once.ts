import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { places } from '../credentials/places.ts'
import { AppError } from '../domain/error.ts'
import { beginIdempotent, endIdempotent, releaseIdempotent } from '../store/idempotency.ts'
import { answerText, sealedOf } from '../store/sealed.ts'
import type { Answer, Call } from './route.ts'

const waitMs = 10_000
const pollMs = 50

/**
 * A create with an Idempotency-Key: equal requests of 24 h get the answer of the first, also those that come while it is
 * at work. Only successes are kept; what failed created nothing and may be tried again. Answers are sealed, for some
 * show a secret that is shown once.
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
      case 'ours': {
        const answer = await createOrRelease(call, key, () => create(begun.id))
        await endIdempotent(db, call.tenantId, key, {
          status: answer.status,
          response: answerText(sealer.seal(answer, aad)),
        })
        return answer
      }
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
        if (now() >= until || call.signal().aborted) {
          throw new AppError(
            'conflict',
            'The request with this Idempotency-Key is still at work. Repeat it in a moment.',
            { code: 'idempotency-in-progress', retryAfterMs: 1000 },
          )
        }
        await delay(pollMs)
    }
  }
}

async function createOrRelease(
  call: Omit<Call, 'newId'>,
  key: string,
  create: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await create()
  } catch (error) {
    await releaseIdempotent(call.deps.db, call.tenantId, key)
    throw error
  }
}
