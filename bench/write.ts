import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Sql } from '../src/db/pools.ts'
import { claim, ensureFeed } from '../src/stream/checkpoint.ts'
import { hash } from '../src/stream/hash.ts'
import { writePage } from '../src/stream/write.ts'
import type { PageWrite } from '../src/stream/write.ts'
import type { Database } from './support/database.ts'
import { settle, startDatabase } from './support/database.ts'
import { median, timed } from './support/measure.ts'
import { bodyOf, observation } from './support/records.ts'
import type { Case, Flags } from './support/report.ts'

type Row = { id: string; raw: string }
type Setup = { database: Database; workers: number; batch: number; perWorker: number }

/** Pages of 1.5 kB records into one stream, beside COPY of the same rows into a table of the same shape; see README.md. */
export async function write(flags: Flags, report: (result: Case) => void): Promise<void> {
  const workers = flags.number('workers', 4)
  const perWorker = Math.ceil(flags.number('records', 20_000) / workers)
  const database = await startDatabase({ sources: workers })
  const setup = { database, workers, batch: flags.number('batch', 100), perWorker }
  const rounds = flags.number('rounds', 3)
  const fewChanged = (n: number) => (n % 20 === 0 ? rounds + 1 : rounds)
  const unit = 'records/s'
  try {
    await database.pools.write`create table record_copy (like record including all)`
    report({ case: 'new', value: await ours(setup, () => 0), unit })
    const changed: number[] = []
    const inPages: number[] = []
    const inOne: number[] = []
    for (let round = 1; round <= rounds; round++) {
      changed.push(await ours(setup, () => round))
      inPages.push(await copied(setup, round, setup.batch))
      inOne.push(await copied(setup, round, perWorker))
    }
    const value = median(changed)
    for (const [name, peers] of [
      [`changed, beside COPY of ${setup.batch} rows a transaction`, inPages],
      ['changed, beside one COPY a worker', inOne],
    ] as const) {
      const ratio = median(changed.map((one, round) => one / peers[round]!))
      report({ case: name, value, unit, peer_value: median(peers), ratio })
    }
    report({ case: '5 % changed', value: await ours(setup, fewChanged), unit })
    const again = await unchanged(setup, fewChanged)
    report({ case: 'unchanged, listing', value: again.perSecond, unit })
    report({ case: 'unchanged page of a listing: WAL', value: again.walBytes, unit: 'B/page' })
    report({ case: 'the same, cursor moves: WAL', value: again.walBytesMoved, unit: 'B/page' })
  } finally {
    await database.stop()
  }
}

/** Every worker writes its records in pages. Records a second. */
async function ours(setup: Setup, version: (n: number) => number): Promise<number> {
  const { database, workers, perWorker } = setup
  const pages = Array.from({ length: workers }, (_, worker) => pagesOf(setup, worker, version))
  await settle(database)
  const seconds = await timed(workers, async (worker) => {
    for (const rows of pages[worker]!) {
      await writePage(database.pools.write, pageWrite(setup, worker, rows, 'change'))
    }
  })
  return (workers * perWorker) / seconds
}

async function copied(setup: Setup, round: number, rowsAtOnce: number): Promise<number> {
  const { database, workers, perWorker } = setup
  const { pools, streamNo, sources } = database
  await pools.write`truncate record_copy`
  const pages = Array.from({ length: workers }, (_, worker) =>
    pagesOf({ ...setup, batch: rowsAtOnce }, worker, () => round).map((rows) =>
      rows.map((row) => ({ ...row, hash: hash(row.raw, []) })),
    ),
  )
  await settle(database)
  let idx = 0
  const seconds = await timed(workers, async (worker) => {
    for (const rows of pages[worker]!) {
      const at = new Date().toISOString()
      const first = idx
      idx += rows.length
      await copy(
        pools.write,
        rows.map(
          ({ id, raw, hash }, i) =>
            `${first + i}\t${first + i}\t${at}\t${at}\t${hash}\t${streamNo}\t${sources[worker]}\tf\t${id}\t${raw.replaceAll('\\', '\\\\')}\n`,
        ),
      )
    }
  })
  return (workers * perWorker) / seconds
}

async function copy(sql: Sql, lines: string[]): Promise<void> {
  const stream = await sql`
    copy record_copy (updated_idx, record_no, changed_at, observed_at, hash, stream_no, source_no, deleted, upstream_id, data)
    from stdin`.writable()
  const chunks: string[] = []
  for (let from = 0; from < lines.length; from += 100)
    chunks.push(lines.slice(from, from + 100).join(''))
  await pipeline(Readable.from(chunks), stream)
}

/** What a listing says again of what is stored: first through all of it for the speed, then page by page for the WAL. */
async function unchanged(setup: Setup, version: (n: number) => number) {
  const { database, workers, perWorker } = setup
  const { pools, streamNo, sources } = database
  const sql = pools.write
  const pages = Array.from({ length: workers }, (_, worker) => pagesOf(setup, worker, version))
  await settle(database)
  const seconds = await timed(workers, async (worker) => {
    for (const rows of pages[worker]!)
      await writePage(sql, pageWrite(setup, worker, rows, 'listing'))
  })
  const [source] = await sql<
    { sync_id: string }[]
  >`select sync_id from source where source_no = ${sources[0]!}`
  const { checkpointNo } = await ensureFeed(sql, {
    syncId: source!.sync_id,
    streamNo,
    name: 'relist/bench',
    kind: 'relist',
    sourceNo: sources[0]!,
    start: null,
  })
  const { fence } = await claim(sql, checkpointNo)
  const few = pages[0]!.slice(0, 20)
  const walOf = async (extra: (page: number) => Partial<PageWrite>) => {
    const before = await walPosition(sql)
    for (const [page, rows] of few.entries()) {
      await writePage(sql, { ...pageWrite(setup, 0, rows, 'listing'), fence, ...extra(page) })
    }
    return ((await walPosition(sql)) - before) / few.length
  }
  return {
    perSecond: (workers * perWorker) / seconds,
    walBytes: await walOf(() => ({})),
    walBytesMoved: await walOf((page) => ({ cursor: `id_${page}` })),
  }
}

async function walPosition(sql: Sql): Promise<number> {
  const [row] = await sql<
    { at: number }[]
  >`select (pg_current_wal_insert_lsn() - '0/0')::float8 as at`
  return row!.at
}

/** `version` of each record's body. Bodies are made outside of the time that is measured; hashing them is part of a write. */
function pagesOf(
  { batch, perWorker }: Setup,
  worker: number,
  version: (n: number) => number,
): Row[][] {
  const pages: Row[][] = []
  for (let from = 0; from < perWorker; from += batch) {
    const page = Array.from({ length: Math.min(batch, perWorker - from) }, (_, i) => {
      const id = `id_${worker}_${from + i}`
      return { id, raw: bodyOf(id, version(from + i)) }
    })
    pages.push(page)
  }
  return pages
}

function pageWrite(
  { database }: Setup,
  worker: number,
  rows: Row[],
  path: PageWrite['path'],
): PageWrite {
  const sourceNo = database.sources[worker]!
  const observations = rows.map(({ id, raw }) => observation(sourceNo, id, raw))
  return {
    streamNo: database.streamNo,
    observations,
    path,
    fence: null,
    hints: [],
    looked: [],
    seen: null,
  }
}
