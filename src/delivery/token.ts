/**
 * An ack token names one delivery: consumer, record, op and nonce. Opaque to callers, safe in a URL, 38 characters. The
 * nonce is random, one a claim, so that no token of another consumer, or of a past that a crash took back, fits.
 */
export type Token = {
  consumerNo: number
  /** int8 as text, as the database gives and takes them. */
  recordNo: string
  op: string
  nonce: string
}

const tokenBytes = 28

export function encodeToken({ consumerNo, recordNo, op, nonce }: Token): string {
  const bytes = Buffer.allocUnsafe(tokenBytes)
  bytes.writeInt32BE(consumerNo, 0)
  bytes.writeBigInt64BE(BigInt(recordNo), 4)
  bytes.writeBigInt64BE(BigInt(op), 12)
  bytes.writeBigInt64BE(BigInt(nonce), 20)
  return bytes.toString('base64url')
}

/** Null for garbage, which is no error: such a token names no delivery, like one that was replaced. */
export function decodeToken(text: string): Token | null {
  if (!/^[A-Za-z0-9_-]{38}$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  const op = bytes.readBigInt64BE(12)
  if (op <= 0n) return null
  return {
    consumerNo: bytes.readInt32BE(0),
    recordNo: String(bytes.readBigInt64BE(4)),
    op: String(op),
    nonce: String(bytes.readBigInt64BE(20)),
  }
}
