/**
 * One deliberate defect: `from`, in every migration or source file of `files` that has it, becomes `to`. `seenBy` are the
 * tests that must fail then.
 */
export type Mutation = {
  name: string
  /** What is broken by it: the invariant of the stream, and the guarantee that rests on it. */
  breaks: string
  /** `sql`: all migrations; else one file. */
  files: string
  from: string
  to: string
  seenBy: string[]
}
