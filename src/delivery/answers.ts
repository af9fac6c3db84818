import { withAppErrors } from '../db/errors.ts'
import type { Sql } from '../db/pools.ts'
import type { Token } from './token.ts'

/** What a worker says of deliveries. Answers of one kind that arrive together go in one statement. */
export type Answer =
  | { kind: 'ack' }
  /** Null: at once, from the fifth delivery on ever more slowly. */
  | { kind: 'nack'; delayMs: number | null }
  | { kind: 'extend'; waitMs: number }

/** Positions (from 0) of tokens that name nothing any more: they changed nothing. For the deliver pool. */
export async function answer(
  sql: Sql,
  consumerNo: number,
  said: Answer,
  tokens: Token[],
): Promise<number[]> {
  const no = `{${tokens.map(({ recordNo }) => recordNo).join(',')}}`
  const op = `{${tokens.map(({ op }) => op).join(',')}}`
  const nonce = `{${tokens.map(({ nonce }) => nonce).join(',')}}`
  const [row] = await withAppErrors(() => {
    switch (said.kind) {
      case 'ack':
        return sql<StaleRow[]>`
          select stale from stream_ack_v1(${consumerNo}, ${no}::text::bigint[], ${op}::text::bigint[], ${nonce}::text::bigint[])`
      case 'nack':
        return sql<StaleRow[]>`
          select stale
            from stream_nack_v1(${consumerNo}, ${no}::text::bigint[], ${op}::text::bigint[], ${nonce}::text::bigint[],
                                ${said.delayMs}::bigint)`
      case 'extend':
        return sql<StaleRow[]>`
          select stale
            from stream_extend_v1(${consumerNo}, ${no}::text::bigint[], ${op}::text::bigint[], ${nonce}::text::bigint[],
                                  ${said.waitMs}::int)`
    }
  })
  return (row?.stale ?? []).map((position) => position - 1)
}

type StaleRow = { stale: number[] | null }

/** Hands back what a client that went away never got: as if it had never been delivered. */
export async function release(sql: Sql, consumerNo: number, tokens: Token[]): Promise<void> {
  if (tokens.length === 0) return
  await withAppErrors(
    () => sql`
      select stream_release_v1(
        ${consumerNo},
        ${`{${tokens.map(({ recordNo }) => recordNo).join(',')}}`}::text::bigint[],
        ${`{${tokens.map(({ op }) => op).join(',')}}`}::text::bigint[],
        ${`{${tokens.map(({ nonce }) => nonce).join(',')}}`}::text::bigint[])`,
  )
}
