/** A row of the stream as the statements give it: int8 and timestamps as text, `data` as the provider sent it. */
export type RecordRow = {
  /** record_no */
  no: string
  /** updated_idx */
  idx: string
  upstreamId: string
  deleted: boolean
  createdAt: string | null
  updatedAt: string | null
  insertedAt: string
  data: string
}

/**
 * The record's wire JSON, complete. Joined from texts and never parsed: a parse and re-print would turn 9007199254740993
 * into …992 and `1.0` into `1`. `source`: text of stream_source_json_v1.
 */
export function recordJson(
  stream: { streamNo: number; streamId: string },
  source: string,
  row: RecordRow,
): string {
  return (
    `{"id":"${recordId(stream.streamNo, row.no)}","stream_id":"${stream.streamId}",${source}` +
    `,"upstream_id":${JSON.stringify(row.upstreamId)}` +
    `,"upstream_created_at":${quotedTime(row.createdAt)},"upstream_updated_at":${quotedTime(row.updatedAt)}` +
    `,"data":${row.data},"deleted":${row.deleted},"updated_idx":${row.idx}` +
    `,"inserted_at":${quotedTime(row.insertedAt)}}`
  )
}

/** uuid v8 of (stream_no, record_no): stable for the life of the record, reversible, ascending, needs no column. */
export function recordId(streamNo: number, recordNo: string | number): string {
  const no = Number(recordNo).toString(16).padStart(15, '0')
  const stream = streamNo.toString(16).padStart(8, '0')
  return `${stream}-0000-8000-8${no.slice(0, 3)}-${no.slice(3)}`
}

/** Null where the text is no id of ours. The caller checks that the stream is the tenant's. */
export function parseRecordId(id: string): { streamNo: number; recordNo: number } | null {
  const [, stream, high, low] =
    /^([0-7][0-9a-f]{7})-0000-8000-8([0-9a-f]{3})-([0-9a-f]{12})$/i.exec(id) ?? []
  if (stream === undefined || high === undefined || low === undefined) return null
  const recordNo = Number.parseInt(high + low, 16)
  return Number.isSafeInteger(recordNo) ? { streamNo: Number.parseInt(stream, 16), recordNo } : null
}

/** Text of a timestamptz in UTC → ISO 8601 with microseconds; null where there is none that ISO could say. */
export function isoTime(text: string | null): string | null {
  const [, day, time, fraction = ''] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text ?? '') ?? []
  return day === undefined ? null : `${day}T${time}.${fraction.padEnd(6, '0')}Z`
}

function quotedTime(text: string | null): string {
  const time = isoTime(text)
  return time === null ? 'null' : `"${time}"`
}
