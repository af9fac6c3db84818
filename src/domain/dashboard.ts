/** The current details of a sync's workflow: markdown for somebody who has only the Temporal UI and knows no docs. Pure. */
export type SyncState = 'starting' | 'backfilling' | 'live' | 'paused' | 'blocked' | 'removing'

export type DashboardView = {
  state: SyncState
  frequency: string
  nowMs: number
  collectionsTotal: number
  collectionsComplete: number
  /** Records looked at in the enumerations under way or last done. */
  records: number
  /** Being read now. */
  reading: { collectionId: string; records: number }[]
  blockedCollections: { collectionId: string; reason: string }[]
  /** The credential is refused. */
  refused: { message: string; sinceMs: number } | null
  trouble: { message: string; sinceMs: number } | null
  notes: string[]
  changes: { seen: number; sinceMs: number; lastMs: number | null } | null
  /** When the next look for changes is due, if it waits for one. */
  nextPassAtMs: number | null
}

export function dashboard(view: DashboardView): string {
  const sections = [
    headline(view),
    backfillLines(view),
    changeLines(view),
    troubleLines(view),
    steering(view.state),
  ]
  return sections.filter((section) => section !== null).join('\n\n')
}

/** Backfilling until every collection that can be read has been read once; live after that. */
export function stateOf(facts: {
  status: 'active' | 'paused' | 'deleted'
  refused: boolean
  planned: boolean
  complete: boolean
}): SyncState {
  if (facts.status === 'deleted') return 'removing'
  if (facts.status === 'paused') return 'paused'
  if (facts.refused) return 'blocked'
  if (!facts.planned) return 'starting'
  return facts.complete ? 'live' : 'backfilling'
}

function headline(view: DashboardView): string {
  switch (view.state) {
    case 'starting':
      return '### Starting\nThe credential is being checked.'
    case 'backfilling':
      return '### Backfilling\nThe account is being read for the first time; changes are followed meanwhile.'
    case 'live':
      return view.frequency === 'continuous'
        ? '### Live\nThe stream follows the account continuously.'
        : `### Live\nThe stream follows the account: one look every ${view.frequency}.`
    case 'paused':
      return '### Paused\nNo request is made for this sync. **To go on: send the signal `resume`.** Nothing is lost meanwhile.'
    case 'blocked':
      return '### Blocked: the credential is refused\nNothing can be read until the credential is mended. **Update the credential; that wakes this sync.** It tries by itself once an hour; the signal `nudge` makes it try now.'
    case 'removing':
      return '### Removing\nThe sync was deleted. Its records are being taken out of the stream, then this workflow ends.'
  }
}

function backfillLines(view: DashboardView): string | null {
  if (view.collectionsTotal === 0) return null
  const lines = [
    `**Backfill**: ${view.collectionsComplete} of ${view.collectionsTotal} collections complete, ${count(view.records)} records looked at.`,
    ...view.reading.map(
      (one) => `- reading \`${one.collectionId}\`, ${count(one.records)} records so far`,
    ),
  ]
  return lines.join('\n')
}

function changeLines(view: DashboardView): string | null {
  if (view.changes === null) return null
  const { seen, sinceMs, lastMs } = view.changes
  const last = lastMs === null ? '' : `, the last one at ${at(lastMs)}`
  const next =
    view.nextPassAtMs !== null && view.nextPassAtMs > view.nowMs
      ? ` The next look is due at ${at(view.nextPassAtMs)}.`
      : ''
  return `**Changes**: ${count(seen)} seen since ${at(sinceMs)}${last}.${next}`
}

function troubleLines(view: DashboardView): string | null {
  const lines = [
    ...(view.refused === null
      ? []
      : [`- since ${at(view.refused.sinceMs)}: ${view.refused.message}`]),
    ...(view.trouble === null ? [] : [`- at ${at(view.trouble.sinceMs)}: ${view.trouble.message}`]),
    ...view.blockedCollections.map(
      (one) => `- \`${one.collectionId}\` is blocked: ${one.reason} Tried again every hour.`,
    ),
    ...view.notes.map((note) => `- ${note}`),
  ]
  return lines.length === 0 ? null : ['**What needs attention**', ...lines].join('\n')
}

function steering(state: SyncState): string | null {
  if (state === 'removing') return null
  const verb = state === 'paused' ? '`resume` goes on' : '`pause` stops all requests at once'
  return `Signals and updates: ${verb} · \`nudge\` looks now · \`resync\` reads and compares all again · \`remove\` ends it for good.`
}

function at(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}
