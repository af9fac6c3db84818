import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { AppError, assert } from '../domain/error.ts'

export type Sealer = {
  /** Of the key that seals: the first bytes of its hash, not of itself. */
  newestKeyId: string
  /** Encrypts JSON for the place that `aad` names (a row): moved elsewhere it does not open. */
  seal(plain: object, aad: string): { ciphertext: Buffer; keyId: string }
  /** Throws AppError `bug` where no key opens it, or where it was changed or moved. */
  open(ciphertext: Buffer, keyId: string, aad: string): object
  /** The same secret under the newest key; null: it already is. The secret itself is not decrypted. */
  rewrap(
    ciphertext: Buffer,
    keyId: string,
    aad: string,
  ): { ciphertext: Buffer; keyId: string } | null
}

const VERSION = 1
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** version · wrapped data key (nonce, key, tag) · sealed body (nonce, body, tag) */
const WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES

/**
 * Envelope encryption (AES-256-GCM): each secret has a data key of its own, wrapped by the newest of the operator's keys.
 * `keys`: base64 of 32 bytes each, newest first; all of them open.
 */
export function createSealer(keys: string[]): Sealer {
  const known = keys.map((text) => {
    const key = Buffer.from(text, 'base64')
    assert(key.length === KEY_BYTES, `an encryption key has ${KEY_BYTES} bytes`)
    return {
      id: createHash('sha256').update('sluice-key-id').update(key).digest('hex').slice(0, 12),
      key,
    }
  })
  const newest = known[0]
  assert(newest !== undefined, 'there is an encryption key')

  function unwrap(ciphertext: Buffer, keyId: string, aad: string): Buffer {
    const holder = known.find(({ id }) => id === keyId)
    if (holder === undefined) {
      throw new AppError(
        'bug',
        `A secret is sealed with the key ${keyId}, which is not among SLUICE_ENCRYPTION_KEY. Add that key.`,
        {
          code: 'encryption-key-missing',
        },
      )
    }
    if (
      ciphertext[0] !== VERSION ||
      ciphertext.length < 1 + WRAPPED_BYTES + NONCE_BYTES + TAG_BYTES
    )
      throw damaged()
    return decrypt(holder.key, ciphertext.subarray(1, 1 + WRAPPED_BYTES), `key/${aad}`)
  }

  return {
    newestKeyId: newest.id,

    seal(plain, aad) {
      const dataKey = randomBytes(KEY_BYTES)
      const body = encrypt(dataKey, Buffer.from(JSON.stringify(plain)), aad)
      const wrapped = encrypt(newest.key, dataKey, `key/${aad}`)
      return { ciphertext: Buffer.concat([Buffer.of(VERSION), wrapped, body]), keyId: newest.id }
    },

    open(ciphertext, keyId, aad) {
      const dataKey = unwrap(ciphertext, keyId, aad)
      return JSON.parse(
        decrypt(dataKey, ciphertext.subarray(1 + WRAPPED_BYTES), aad).toString(),
      ) as object
    },

    rewrap(ciphertext, keyId, aad) {
      if (keyId === newest.id) return null
      const wrapped = encrypt(newest.key, unwrap(ciphertext, keyId, aad), `key/${aad}`)
      const body = ciphertext.subarray(1 + WRAPPED_BYTES)
      return { ciphertext: Buffer.concat([Buffer.of(VERSION), wrapped, body]), keyId: newest.id }
    },
  }
}

function encrypt(key: Buffer, plain: Buffer, aad: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, sealed: Buffer, aad: string): Buffer {
  const tag = sealed.subarray(sealed.length - TAG_BYTES)
  const body = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(Buffer.from(aad)).setAuthTag(tag)
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    throw damaged()
  }
}

function damaged(): AppError {
  return new AppError(
    'bug',
    'A sealed secret does not open: it was changed, or belongs to another row.',
    { code: 'seal-broken' },
  )
}
