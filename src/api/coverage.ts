import type { Coverage } from '../store/sources.ts'
import { toWire } from './wire.ts'

/** What is in the row of a collection's last whole enumeration. Evidence of older versions has no `kept`. */
type Evidence = {
  at: string
  generation: number
  compared: number
  candidates: number
  kept?: number
  held: boolean
}

export function shownCoverage({ coverage, held, enumerateDueAt, ...row }: Coverage) {
  const { repaired: _repaired, tombstoned: _tombstoned, open: _open, quarantined, ...rest } = row
  const evidence = coverage === null ? null : evidenceOf(coverage as Evidence, row, held)
  return {
    ...toWire({ ...rest, nextEnumerationAt: enumerateDueAt }),
    statement: statementOf(evidence, quarantined),
    evidence,
    quarantined,
    held_deletes: held,
  }
}

function evidenceOf(
  { at, generation, compared, kept = 0 }: Evidence,
  { repaired, tombstoned, open }: Pick<Coverage, 'repaired' | 'tombstoned' | 'open'>,
  held: Coverage['held'],
) {
  const waiting = held === null ? 0 : Number(held['count'])
  const when = new Date(at).toISOString()
  return { at: when, generation, compared, repaired, tombstoned, open, kept, held: waiting }
}

function statementOf(evidence: ReturnType<typeof evidenceOf> | null, quarantined: number): string {
  if (evidence === null) return 'Not known yet: no whole enumeration has ended.'
  const { at, compared, repaired, tombstoned, open, kept, held } = evidence
  const counts = `${compared} compared, ${repaired} repaired, ${tombstoned} tombstoned`
  const rest = [
    ...(open > 0 ? [`${open} missing records are being asked for by id`] : []),
    ...(held > 0 ? [`${held} missing records wait for approval`] : []),
    ...(quarantined > 0 ? [`not stored: ${quarantined} in quarantine`] : []),
    ...(kept > 0 ? [`${kept} missing records are kept because a rejection said so`] : []),
  ]
  if (rest.length === 0) return `Equal as of ${at}: ${counts}.`
  return `Compared as of ${at}: ${counts}; ${rest.join(', ')}.`
}
