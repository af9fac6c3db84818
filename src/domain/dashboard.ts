/** The current details of a sync's workflow: markdown for somebody who has only the Temporal UI and knows no docs. Pure. */
export type SyncState = 'starting' | 'backfilling' | 'live' | 'paused' | 'blocked' | 'removing'

export type DashboardView = {
  /** The summary that a workflow starts with has this too, and is gone with the next run. */
  called: { name: string; provider: string } | null
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
  /** `toldMs`: up to when they are counted; null: no slice has returned yet. */
  changes: { seen: number; sinceMs: number; lastMs: number | null; toldMs: number | null } | null
  /** When the next look for changes is due, if it waits for one. */
  nextPassAtMs: number | null
  /** When the next collection is due to be compared, if all are read. */
  nextCompareAtMs: number | null
  /** When a refused credential is tried again. */
  nextTryAtMs: number | null
}

export function dashboard(view: DashboardView): string {
  const sections = [
    title(view),
    headline(view),
    troubleLines(view),
    backfillLines(view),
    changeLines(view),
    waiting(view.state),
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

function title({ called }: DashboardView): string | null {
  if (called === null) return null
  // A name is anybody's text: in a code span it stays text.
  return `Sync \`${called.name.replaceAll(/[`\s]+/g, ' ').slice(0, 190)}\` (${called.provider})`
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
      return '### Paused\nNo request is made for this sync, until somebody sends the signal `resume`. Nothing is lost meanwhile.'
    case 'blocked':
      return `### Blocked: the credential is refused\nNothing can be read until the credential is mended. **Update the credential (\`PATCH /v1/credentials/{id}\`); that wakes this sync.** ${nextTry(view)}; the signal \`nudge\` makes it try now.`
    case 'removing':
      return '### Removing\nThe sync was deleted. Its records are being taken out of the stream, then this workflow ends.'
  }
}

function nextTry({ nextTryAtMs, nowMs }: DashboardView): string {
  return nextTryAtMs !== null && nextTryAtMs > nowMs
    ? `The old one is tried again at ${at(nextTryAtMs)}`
    : 'The old one is tried again once an hour'
}

function backfillLines(view: DashboardView): string | null {
  if (view.collectionsTotal === 0) return null
  const lines = [
    `**Backfill**: ${view.collectionsComplete} of ${view.collectionsTotal} collections complete, ${count(view.records)} records looked at.${nextCompare(view)}`,
    ...view.reading.map(
      ({ collectionId, records }) =>
        `- reading \`${collectionId}\`${records === 0 ? '' : `, ${count(records)} records so far`}`,
    ),
  ]
  return lines.join('\n')
}

function nextCompare({ state, nextCompareAtMs, nowMs }: DashboardView): string {
  return works(state) && nextCompareAtMs !== null && nextCompareAtMs > nowMs
    ? ` The next comparison with the account is due at ${at(nextCompareAtMs)}.`
    : ''
}

function changeLines(view: DashboardView): string | null {
  if (view.changes === null) return null
  const next =
    view.nextPassAtMs !== null && view.nextPassAtMs > view.nowMs
      ? ` The next look is due at ${at(view.nextPassAtMs)}.`
      : ''
  return `**Changes**: ${counted(view.changes)}${next}`
}

/** A slice of changes tells what it saw when it returns: no number at all is better than a zero that is none. */
function counted({ seen, sinceMs, lastMs, toldMs }: NonNullable<DashboardView['changes']>): string {
  if (toldMs === null)
    return `followed since ${at(sinceMs)}; how many there were is told within ten minutes.`
  const last = lastMs === null ? '' : `, the last one at ${at(lastMs)}`
  return `${count(seen)} seen from ${at(sinceMs)} to ${at(toldMs)}${last}.`
}

function troubleLines(view: DashboardView): string | null {
  const lines = [
    ...(view.refused === null
      ? []
      : [`- since ${at(view.refused.sinceMs)}: ${view.refused.message}`]),
    ...(view.trouble === null ? [] : [`- at ${at(view.trouble.sinceMs)}: ${view.trouble.message}`]),
    ...view.blockedCollections.map(
      (one) =>
        `- \`${one.collectionId}\` is blocked: ${one.reason} It is tried again after an hour, then ever later; \`nudge\` tries it now.`,
    ),
    ...view.notes.map((note) => `- ${note}`),
  ]
  return lines.length === 0 ? null : ['**What needs attention**', ...lines].join('\n')
}

/** Temporal repeats what failed by itself and tells the workflow nothing, so this can only say where it is seen. */
function waiting(state: SyncState): string | null {
  if (!works(state)) return null
  return '**Does it stand still?** Then the tab **Pending Activities** says until when (*Next Retry*) and why (*Last Failure*).'
}

function works(state: SyncState): boolean {
  return state !== 'paused' && state !== 'blocked'
}

function steering(state: SyncState): string | null {
  if (state === 'removing') return null
  const verb = state === 'paused' ? '**To go on**' : '**To pause it**'
  const signal = state === 'paused' ? '`resume`' : '`pause`'
  const others = [
    ...(state === 'paused' ? [] : ['`nudge` looks now', '`resync` reads and compares all again']),
    '`remove` ends it for good',
  ]
  return [
    `${verb}: More Actions → Send a Signal, name ${signal}, no input. In the same way ${others.join(' · ')}.`,
    'Request Cancellation, Terminate and the Pause of an activity are not meant for this.',
  ].join(' ')
}

function at(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}
