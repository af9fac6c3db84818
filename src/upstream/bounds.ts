/** Limits of the quota ledger's clients. Times in ms. */
export const bounds = {
  /** A start that was granted is used within this, or dropped and taken anew (G8). */
  grantMs: 250,
  /** A wait for quota that is longer than this is given back to whoever schedules. */
  inlineWaitMs: 10_000,
  /** Of a limit's interval: how early a start may come (the burst), and how late it may be used (or as long as the burst is). */
  slackShare: 0.01,
  lateShare: 0.015,
  /** On the way to the provider requests move together by so much of the interval, and by at most so many ms. */
  jitterShare: 0.02,
  jitterMaxMs: 50,
  /** Starts that one statement may ask for on behalf of one lane. */
  startsPerAsk: 256,
  /** Of so many starts in a row that others take, one is a backfill's: it slows down, and does not stop. */
  floorEvery: 10,
  /** A lane that holds starts asks for more no sooner than this. */
  askAgainMs: 20,
  /** What is remembered of a lane (its pace) goes this long after its last use. */
  laneIdleMs: 5_000,
  /** A process renews what it may have in flight this often while it works, … */
  slotRenewMs: 25_000,
  /** … this often while requests wait, so that it hears that others wait too (and what was not used that long goes back), … */
  slotShareMs: 500,
  /** … and asks this often while it has less than it could use. */
  slotRetryMs: 100,
  /** Outlives the longest request plus `slotRenewMs`: nobody may take a slot whose request still runs. */
  slotTtlMs: 120_000,
  /** Below so many requests in flight no process keeps one in hand. */
  slotsToKeepOne: 8,
  /** Starts after a refusal within which a second one means that the pace is too fast. */
  startsBetweenRefusals: 50,
  /** Wait after a 429 that names none. */
  refusedWaitMs: 1_000,
  retryAfterMinMs: 250,
} as const
