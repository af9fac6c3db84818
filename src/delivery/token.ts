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

/** One for all: no token outlives the call that writes it here, and BigInts go faster through a view than a Buffer. */
const bytes = Buffer.alloc(28)
const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

export function encodeToken({ consumerNo, recordNo, op, nonce }: Token): string {
  view.setInt32(0, consumerNo)
  view.setBigInt64(4, BigInt(recordNo))
  view.setBigInt64(12, BigInt(op))
  view.setBigInt64(20, BigInt(nonce))
  return bytes.toString('base64url')
}

/** Null for garbage, which is no error: such a token names no delivery, like one that was replaced. */
export function decodeToken(text: string): Token | null {
  if (!/^[A-Za-z0-9_-]{38}$/.test(text)) return null
  bytes.write(text, 'base64url')
  const op = view.getBigInt64(12)
  if (op <= 0n) return null
  return {
    consumerNo: view.getInt32(0),
    recordNo: String(view.getBigInt64(4)),
    op: String(op),
    nonce: String(view.getBigInt64(20)),
  }
}
