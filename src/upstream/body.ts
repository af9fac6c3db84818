import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { AppError } from '../domain/error.ts'

/** Of one answer: a page of 100 objects is some 150 kB; one field may have 10 MB. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024

/** What `textOf` understands, for `accept-encoding`. */
export const ACCEPTED_ENCODINGS = 'gzip, br'

type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const decoders: Record<string, Decoder> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
}

/**
 * The whole body as text, exactly as sent: a body that is not UTF-8 throws, because a replacement character would be stored
 * as if the provider had said so. AppError `permanent` for one beyond the cap, packed or unpacked.
 */
export async function textOf(
  body: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  cap = BODY_BYTES_MAX,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > cap) throw tooLarge(cap)
    chunks.push(chunk)
  }
  return utf8.decode(await unpack(Buffer.concat(chunks), encoding, cap))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

async function unpack(bytes: Buffer, encoding: string | undefined, cap: number): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity' || bytes.length === 0) return bytes
  const decoder = decoders[encoding.toLowerCase()]
  if (decoder === undefined) throw new Error('a content-encoding that was not asked for')
  try {
    return await decoder(bytes, { maxOutputLength: cap })
  } catch (error) {
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(cap) : error
  }
}

function tooLarge(cap: number): AppError {
  return new AppError(
    'permanent',
    `An answer is larger than ${cap / 2 ** 20} MiB, the most that is read.`,
    {
      code: 'answer-too-large',
    },
  )
}
