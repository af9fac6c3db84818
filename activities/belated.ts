import type { Change } from '../src/connectors/connector.ts'
import { limits } from '../src/domain/limits.ts'
import { isId } from '../src/stream/quarantine.ts'
import type { ActivityDeps } from './deps.ts'
import type { Opened } from './open.ts'

/**
 * What a feed tells late of objects that the stream does not know: where the collection was enumerated since, and did not
 * show them, they may be gone without an event, and nothing would find that until the next enumeration. Those become hints;
 * all else stays as it is.
 */
export async function hintBelated(
  deps: Pick<ActivityDeps, 'pools' | 'now'>,
  opened: Pick<Opened, 'streamNo' | 'sources'>,
  changes: Change[],
): Promise<Change[]> {
  const sources = new Map(opened.sources.map((source) => [source.name, source.sourceNo]))
  const late = changes.flatMap(({ collection, id, raw, deleted, observedAt }) => {
    const sourceNo = sources.get(collection)
    const told = raw !== null && deleted !== true && isId(id)
    if (sourceNo === undefined || !told || observedAt === undefined) return []
    return deps.now() - Date.parse(observedAt) > limits.belatedMs
      ? [{ sourceNo, id, observedAt }]
      : []
  })
  if (late.length === 0) return changes
  const rows = await deps.pools.write<{ key: string }[]>`
    select distinct l.source_no || ' ' || l.id as key
      from unnest(
             ${late.map(({ sourceNo }) => sourceNo)}::int[],
             ${late.map(({ id }) => id)}::text[],
             ${late.map(({ observedAt }) => observedAt)}::text[]) l(source_no, id, observed_at)
     where l.observed_at::timestamptz < (
             select min(c.created_at)
               from source s
               join checkpoint c on c.source_no = s.source_no and c.generation = s.generation and c.kind = 'range'
              where s.source_no = l.source_no and s.enumerate_due_at is not null)
       and not exists (
             select 1
               from record r
              where r.stream_no = ${opened.streamNo} and r.source_no = l.source_no and r.upstream_id = l.id)`
  if (rows.length === 0) return changes
  const unsure = new Set(rows.map(({ key }) => key))
  return changes.map((change) =>
    unsure.has(`${sources.get(change.collection)} ${change.id}`)
      ? { collection: change.collection, id: change.id, raw: null }
      : change,
  )
}
