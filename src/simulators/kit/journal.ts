import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync } from 'node:fs'
import { readSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * An append-only file of JSON lines. A line is handed to the kernel before `append` returns, so a SIGKILL loses nothing
 * of it; a power cut may. A torn last line is cut off when the file is opened again.
 */
export type Journal = {
  append(record: unknown): void
  /** Puts `records` in the place of all that was written so far, in one step. */
  rewrite(records: Iterable<unknown>): void
  /** Bytes in the file, and how many of them the last rewrite (or opening) left. */
  readonly size: number
  readonly baseSize: number
  close(): void
}

const chunkBytes = 4 * 1024 * 1024

/** Opens `journal.jsonl` in `dir` (made when missing) and hands each record in it to `replay`, oldest first. */
export function openJournal(dir: string, replay: (record: unknown) => void): Journal {
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'journal.jsonl')
  let handle = openSync(file, existsSync(file) ? 'r+' : 'w+')
  let size = readLines(handle, (line) => replay(JSON.parse(line)))
  ftruncateSync(handle, size)
  let baseSize = size
  return {
    append: (record) => {
      size += writeAll(handle, Buffer.from(`${JSON.stringify(record)}\n`), size)
    },
    rewrite: (records) => {
      const fresh = `${file}.new`
      const target = openSync(fresh, 'w+')
      let written = 0
      let lines: string[] = []
      let pending = 0
      const flush = () => {
        written += writeAll(target, Buffer.from(lines.join('')), written)
        lines = []
        pending = 0
      }
      for (const record of records) {
        const line = `${JSON.stringify(record)}\n`
        lines.push(line)
        pending += line.length
        if (pending > chunkBytes) flush()
      }
      flush()
      fsyncSync(target)
      renameSync(fresh, file)
      closeSync(handle)
      handle = target
      size = written
      baseSize = written
    },
    get size() {
      return size
    },
    get baseSize() {
      return baseSize
    },
    close: () => closeSync(handle),
  }
}

/** Bytes up to the end of the last whole, readable line. */
function readLines(handle: number, take: (line: string) => void): number {
  const chunk = Buffer.allocUnsafe(chunkBytes)
  let left = Buffer.alloc(0)
  let position = 0
  let whole = 0
  for (;;) {
    const count = readSync(handle, chunk, 0, chunkBytes, position)
    if (count === 0) return whole
    position += count
    const data = Buffer.concat([left, chunk.subarray(0, count)])
    let start = 0
    for (;;) {
      const end = data.indexOf(10, start)
      if (end < 0) break
      take(data.toString('utf8', start, end))
      whole += end - start + 1
      start = end + 1
    }
    left = data.subarray(start)
  }
}

function writeAll(handle: number, data: Buffer, position: number): number {
  let done = 0
  while (done < data.length) {
    done += writeSync(handle, data, done, data.length - done, position + done)
  }
  return data.length
}
