import type { Context, UpstreamAnswer } from '../connector.ts'
import { serverTimeMs } from './answer.ts'

/** By how much the provider's clock and ours may differ while both are right enough. */
export const CLOCKS_MS = 180_000

/**
 * The provider's clock and ours, the earlier and the later of them. Either may be wrong: a `Date` in a single answer, ours
 * for hours. A position that is taken from a clock is taken from the earlier one: too early costs reads, too late loses
 * what happens until then, and nothing would ever tell.
 */
export function clocksOf(
  ctx: Context,
  answer: UpstreamAnswer,
): { earlierMs: number; laterMs: number } {
  const [ours, theirs] = [ctx.now(), serverTimeMs(answer) ?? ctx.now()]
  return { earlierMs: Math.min(ours, theirs), laterMs: Math.max(ours, theirs) }
}
