import { withAppErrors } from '../db/errors.ts'
import { toNumber } from '../db/pools.ts'
import type { Query } from '../db/pools.ts'

/** `numPending` is exact to here, and then stays here (`capped`). */
export const pendingMax = 10_000

export type Info = {
  /** Records still to come, those that wait for redelivery too. */
  numPending: number
  capped: boolean
  /** Records that are out. */
  numAckPending: number
}

/** Costs up to 3 ms where it is capped, 0.1 ms where little is left: tally.ts asks no more often than it must. Throws AppError `not_found`. */
export async function consumerInfo(sql: Query, consumerNo: number): Promise<Info> {
  const [row] = await withAppErrors(
    () => sql<InfoRow[]>`
      select num_pending, capped, num_ack_pending from stream_info_v2(${consumerNo}, ${pendingMax})`,
  )
  return {
    numPending: toNumber(row!.num_pending),
    capped: row!.capped,
    numAckPending: row!.num_ack_pending,
  }
}

type InfoRow = {
  num_pending: string
  capped: boolean
  num_ack_pending: number
}
