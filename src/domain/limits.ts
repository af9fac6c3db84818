/** Everything has a limit, and every limit a name. Times in ms. */
export const limits = {
  /** A backfill slice returns after this long, and is scheduled again. */
  backfillSliceMs: 30_000,
  /** A change slice returns after this long. */
  changesSliceMs: 600_000,
  /** Collections of one sync that are backfilled at once. */
  collectionsAtOnce: 4,
  /** Ranges of one collection that are read at once, where the provider answers at once, … */
  readersAtOnce: 4,
  /** … and where each answer takes long, … */
  readersMost: 24,
  /** … as many as it needs for one page in this time: the stream takes them no faster. */
  pageEveryMs: 8,
  /** Failed requests without a page between them that end a slice. */
  failuresAtOnce: 4,
  /** Pages of one stream that a process has under way to the database: there they only wait for each other. */
  writesAtOnce: 3,
  /** A collection whose every request is told to wait shows that, once it has had no page for so long. */
  toldToWaitMs: 120_000,
  /** Names of collections in one answer of planBackfill. */
  collectionsInPlan: 20,
  /** No range is split below this span. */
  rangeSpanMinMs: 3_600_000,
  /** A change that a feed tells this late may have been overtaken by an enumeration. */
  belatedMs: 5_000,
  /** Records that one commit of the drain of hints looks at. */
  drainBatch: 10,
  /** Requests that the drain has in flight. */
  drainAtOnce: 5,
  /** First wait of a hint whose look failed; doubles. */
  hintBackoffMs: 5_000,
  hintBackoffMaxMs: 3_600_000,
  /** A webhook makes a sync that waits for its next try look at once, so often at most. */
  hintNudgeEveryMs: 15_000,
  /** Pages of a feed that are read before anything else gets its turn. */
  feedPagesInTurn: 20,
  /** First wait of one feed or window that fails while others go on; doubles. */
  partBackoffMs: 1_000,
  partBackoffMaxMs: 300_000,
  /** Counts of changes are written this often. */
  countEveryMs: 2_000,
  /** A blocked collection is asked again this often. */
  probeEveryMs: 3_600_000,
  /** … later and later while it stays blocked, up to this. */
  probeMaxMs: 86_400_000,
  /** A collection that this account does not have is asked for again this often. */
  probeOffEveryMs: 6 * 3_600_000,
  /** A refused credential is tried again this often, if nobody says anything. */
  credentialProbeMs: 3_600_000,
  /** A change slice writes its sign of life this often, … */
  lifeSignEveryMs: 30_000,
  /** … and promises the next one within this. */
  lifeSignDueMs: 180_000,
  /** A pass that is due only later promises its sign of life for then, and so much later. */
  passPatienceMs: 300_000,
  /** The watch looks for what shows no sign of life, this often. */
  watchEveryMs: 15_000,
  /** After the watch has nudged a sync, it waits this long for a sign of life. */
  watchPatienceMs: 300_000,
  /** An open enumeration that has committed no page for so long is begun again from its checkpoints; looked for this often. */
  frontierStillMs: 900_000,
  frontierEveryMs: 60_000,
  /** Syncs that one round of the watch nudges. */
  watchBatch: 200,
  /** A worker says that it lives, this often. */
  leaseEveryMs: 1_000,
  /** A worker that could not say so for this long stops its slices by itself, … */
  leaseLostMs: 4_000,
  /** … and after this long others take them over. */
  leaseDeadMs: 5_000,
  takeoverBatch: 200,
  /** An activity that a worker took registers itself within this, or is lost. */
  enterMs: 20_000,
  /** A command waits so long for its answer; past it a signal carries it. */
  commandDeadlineMs: 2_000,
  /** The signal waits so long; with the command before it a caller is answered within 5 s. */
  signalDeadlineMs: 2_400,
  bugBackoffMs: 10_000,
  bugBackoffMaxMs: 600_000,
  /** A record that our code cannot take in is tried this often before it is put into quarantine. */
  quarantineAfter: 3,
  /** Of a record in quarantine so much is kept, … */
  quarantineRawChars: 65_536,
  /** … and so many are asked for again at once. */
  quarantineAskedAtOnce: 1_000,
  /** A feed that cannot be followed: its collections are compared this often instead, at most, … */
  compareEveryMinMs: 300_000,
  /** … and at most this share of the time is spent on it. */
  compareShare: 0.2,
  /** Arguments and results of activities. */
  payloadBytes: 2_048,
  /** Tombstones are kept so long, and as long as any consumer still has to see them. */
  tombstoneKeepMs: 30 * 86_400_000,
  /** Looked for this often, by each worker. */
  trimEveryMs: 3_600_000,
  /** Purge of a deleted sync: records a statement, and time a call. */
  purgePage: 1_000,
  purgeMs: 20_000,
} as const
