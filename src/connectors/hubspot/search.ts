import { AppError } from '../../domain/error.ts'
import type { Context, UpstreamAnswer } from '../connector.ts'
import { asObject, readItems, readObject, serverTimeMs } from '../kit/answer.ts'
import { SEARCH } from './errors.ts'
import { idOf } from './read.ts'
import { msOf } from './times.ts'
import type { ObjectType } from './objectTypes.ts'

/** Rows of one search; HubSpot allows 200. */
const PAGE = 200
/** A range that begins at 1970 made HubSpot answer 500. */
const EARLIEST_MS = 1_000

export type Row = { id: string; modifiedMs: number }
export type Found = {
  rows: Row[]
  /** There are rows with larger ids. */
  more: boolean
  observedAt: string
  /** The provider's clock when it answered. */
  serverMs: number | null
}

type Filter = { propertyName: string; operator: string; value: string; highValue?: string }

/**
 * One page of the search index, by id: rows with an id above `after` that pass the filters. No offset is ever used, so
 * neither the 10,000 rows that a query may reach matter, nor rows that move while one reads, nor any number of rows of one
 * millisecond. Only ids and dates are taken: what the index holds of a record may be older than the record.
 */
export async function searchById(
  ctx: Context,
  type: ObjectType,
  { after, filters, limit = PAGE }: { after: string; filters: Filter[]; limit?: number },
): Promise<Found> {
  const answer = await ctx.request({
    method: 'POST',
    path: `/crm/v3/objects/${encodeURIComponent(type.name)}/search`,
    headers: { 'content-type': 'application/json' },
    bucket: SEARCH,
    body: JSON.stringify({
      filterGroups: [
        { filters: [...filters, { propertyName: 'hs_object_id', operator: 'GT', value: after }] },
      ],
      sorts: [{ propertyName: 'hs_object_id', direction: 'ASCENDING' }],
      properties: ['hs_object_id', type.modified],
      limit,
    }),
  })
  return foundIn(answer, type, limit)
}

/** Modified from `fromMs` on, up to `toMs` inclusive where there is an end. */
export function modified(type: ObjectType, fromMs: number, toMs: number | null): Filter[] {
  const value = String(Math.max(EARLIEST_MS, Math.floor(fromMs)))
  const { modified: propertyName } = type
  return toMs === null
    ? [{ propertyName, operator: 'GTE', value }]
    : [{ propertyName, operator: 'BETWEEN', value, highValue: String(Math.floor(toMs)) }]
}

function foundIn(answer: UpstreamAnswer, type: ObjectType, limit: number): Found {
  const body = readObject(answer)
  const rows = readItems(body, 'results').map((item): Row => {
    const own = msOf(asObject(item.value['properties'])?.[type.modified])
    const modifiedMs = own ?? msOf(item.value['updatedAt'])
    if (modifiedMs === null) throw undated(type)
    return { id: idOf(item), modifiedMs }
  })
  const next = asObject(asObject(body.value['paging'])?.['next'])
  return {
    rows,
    more: rows.length > 0 && (rows.length >= limit || next !== null),
    observedAt: answer.observedAt,
    serverMs: serverTimeMs(answer),
  }
}

function undated(type: ObjectType): AppError {
  return new AppError(
    'transient',
    `HubSpot told of ${type.title.toLowerCase()} without their date of modification; this is tried again.`,
  )
}
