import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { isAppError } from '../domain/error.ts'
import { createSealer } from './seal.ts'

const newKey = () => randomBytes(32).toString('base64')
const secret = { secret: 'sk_canary_Zürich_𝄞' }

test('what is sealed opens with the same key and the same name', () => {
  const sealer = createSealer([newKey()])
  const { ciphertext, keyId } = sealer.seal(secret, 'credential/1')
  expect(sealer.open(ciphertext, keyId, 'credential/1')).toEqual(secret)
})

test('G12: neither secret nor key can be read off a sealed secret', () => {
  const key = newKey()
  const { ciphertext, keyId } = createSealer([key]).seal(secret, 'credential/1')
  expect(ciphertext.includes('sk_canary')).toBe(false)
  expect(ciphertext.includes(Buffer.from(key, 'base64'))).toBe(false)
  expect(key).not.toContain(keyId)
  const again = createSealer([key]).seal(secret, 'credential/1')
  expect(again.ciphertext.equals(ciphertext)).toBe(false)
})

test('any byte that was changed makes it unreadable', () => {
  const sealer = createSealer([newKey()])
  const { ciphertext, keyId } = sealer.seal(secret, 'credential/1')
  for (let at = 0; at < ciphertext.length; at++) {
    const changed = Buffer.from(ciphertext)
    changed[at]! ^= 1
    expect(
      failure(() => sealer.open(changed, keyId, 'credential/1')),
      `byte ${at}`,
    ).toBe('bug')
  }
  for (let length = 0; length < ciphertext.length; length++) {
    expect(
      failure(() => sealer.open(ciphertext.subarray(0, length), keyId, 'credential/1')),
      `${length} bytes`,
    ).toBe('bug')
  }
})

test('put into another row it does not open', () => {
  const sealer = createSealer([newKey()])
  const { ciphertext, keyId } = sealer.seal(secret, 'credential/1')
  expect(failure(() => sealer.open(ciphertext, keyId, 'credential/2'))).toBe('bug')
})

test('older keys open, the newest seals, and without its key nothing opens', () => {
  const [older, newer] = [newKey(), newKey()]
  const before = createSealer([older]).seal(secret, 'a')
  const both = createSealer([newer, older])
  expect(both.open(before.ciphertext, before.keyId, 'a')).toEqual(secret)
  const after = both.seal(secret, 'a')
  expect(createSealer([newer]).open(after.ciphertext, after.keyId, 'a')).toEqual(secret)
  expect(failure(() => createSealer([newer]).open(before.ciphertext, before.keyId, 'a'))).toBe(
    'bug',
  )
})

test('rewrap moves a secret to the newest key, once', () => {
  const [older, newer] = [newKey(), newKey()]
  const before = createSealer([older]).seal(secret, 'a')
  const both = createSealer([newer, older])
  const moved = both.rewrap(before.ciphertext, before.keyId, 'a')!
  expect(createSealer([newer]).open(moved.ciphertext, moved.keyId, 'a')).toEqual(secret)
  expect(both.rewrap(moved.ciphertext, moved.keyId, 'a')).toBeNull()
  expect(failure(() => both.rewrap(before.ciphertext, before.keyId, 'b'))).toBe('bug')
})

function failure(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    expect(String(error)).not.toContain('sk_canary')
    return isAppError(error) ? error.kind : 'unforeseen'
  }
}
