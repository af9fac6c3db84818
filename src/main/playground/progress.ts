/** What the playground reads of a sync, as on the wire. */
export type SyncView = {
  name: string | null
  status: string
  health: { status: string; checks: { status: string; message: string }[] }
  collections: CollectionView[]
}

type CollectionView = {
  collection_id: string
  phase: string
  records_seen: number
  progress: number | null
  lag_seconds: number | null
  expected_lag_seconds: number | null
  last_error: string | null
}

export type Progress = {
  see(syncs: SyncView[], atMs: number): void
  /** A line a collection, most interesting first, in at most `rows` lines. */
  table(rows: number): string[]
  /** All in one line. */
  sentence(): string
  /** Something is being backfilled. */
  moving(): boolean
}

type Seen = { records: number; atMs: number; rate: number }

/** Old rates fade over about this long, so that a page every few seconds does not look like a standstill. */
const FADE_MS = 4_000
const ORDER = ['blocked', 'backfilling', 'waiting', 'paused', 'live']

export function createProgress(): Progress {
  const seen = new Map<string, Seen>()
  let rows: (CollectionView & { key: string })[] = []
  let troubles: string[] = []

  const rateOf = (key: string): number => seen.get(key)?.rate ?? 0
  const total = (of: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0)
  const summary = (): string => {
    const live = rows.filter((row) => row.phase === 'live').length
    const lag = Math.max(0, ...rows.map(lateBy))
    const rate = total((row) => rateOf(row.key))
    return `${live} of ${rows.length} collections live · ${count(total((row) => row.records_seen))} records · ${count(rate)}/s · lag ${Math.round(lag)} s`
  }

  return {
    see: (syncs, atMs) => {
      rows = syncs.flatMap((sync, index) =>
        sync.collections.map((collection) => ({
          ...collection,
          key: `${index} ${collection.collection_id}`,
        })),
      )
      troubles = syncs.flatMap((sync) =>
        sync.health.checks
          .filter((check) => ['warning', 'error'].includes(check.status))
          .map((check) => check.message),
      )
      for (const row of rows) seen.set(row.key, next(seen.get(row.key), row.records_seen, atMs))
    },
    table: (most) => {
      const sorted = [...rows].sort((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase))
      const room = Math.max(1, most - 2 - troubles.length)
      const shown = sorted.length <= room ? sorted : sorted.slice(0, room - 1)
      return [
        line('collection', 'phase', 'records', 'rate', 'lag'),
        ...shown.map((row) =>
          line(
            row.collection_id,
            row.phase,
            count(row.records_seen),
            `${count(rateOf(row.key))}/s`,
            lagOf(row),
          ),
        ),
        ...(shown.length < sorted.length ? [`  and ${sorted.length - shown.length} more`] : []),
        ...troubles.map((trouble) => `  ! ${trouble}`),
        summary(),
      ]
    },
    sentence: () => [summary(), ...troubles].join(' · '),
    moving: () => rows.some((row) => row.phase === 'backfilling' || row.phase === 'waiting'),
  }
}

function next(before: Seen | undefined, records: number, atMs: number): Seen {
  if (before === undefined) return { records, atMs, rate: 0 }
  const passed = Math.max(1, atMs - before.atMs)
  const now = (Math.max(0, records - before.records) * 1000) / passed
  const weight = 1 - Math.exp(-passed / FADE_MS)
  return { records, atMs, rate: before.rate + (now - before.rate) * weight }
}

/** What is looked at once a minute is not late within the minute. */
function lateBy({ lag_seconds: lag, expected_lag_seconds: expected }: CollectionView): number {
  return lag === null || (expected !== null && lag <= expected) ? 0 : lag
}

function lagOf({ lag_seconds: lag, expected_lag_seconds: expected }: CollectionView): string {
  if (lag === null) return ''
  return expected === null
    ? `${Math.round(lag)} s`
    : `${Math.round(lag)} of ${Math.round(expected)} s`
}

function line(name: string, phase: string, records: string, rate: string, lag: string): string {
  return `  ${name.padEnd(30)} ${phase.padEnd(12)} ${records.padStart(9)} ${rate.padStart(9)} ${lag.padStart(12)}`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
