import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** SHA-256 of the text in base64url, for short stable keys: cut it to the length that is needed. */
export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

export function hmacSha256Hex(secret: string, parts: (string | Uint8Array)[]): string {
  const hmac = createHmac('sha256', secret)
  for (const part of parts) hmac.update(part)
  return hmac.digest('hex')
}

/** Compares in a time that does not tell where the two differ. */
export function constantTimeEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
