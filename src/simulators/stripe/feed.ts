import type { Account, EventRow } from './account.ts'
import { invalid, missing } from './errors.ts'
import { cursors } from './list.ts'
import { parseListQuery, rangeNames, rangeOf } from './query.ts'
import { inList, listText, pretty } from './render.ts'
import { pageOf } from './table.ts'

const params = new Set([...rangeNames('created'), 'delivery_success', 'type', 'types'])
const typesMax = 20

/** JSON of a page of `/v1/events`: only what is visible by now, newest first. */
export function listEvents(account: Account, query: string): Buffer {
  const { paging, asked } = parseListQuery(query, (name) => params.has(name))
  const type = asked.get('type')
  const types = asked.get('types')
  if (type !== undefined && types !== undefined) {
    throw invalid(
      'You may only specify one of these parameters: type, types.',
      'types',
      'parameters_exclusive',
    )
  }
  if (types !== undefined && types.length > typesMax) {
    throw invalid(`Array must have ${typesMax} or fewer elements.`, 'types')
  }
  const wanted = types ?? type ?? []
  const now = account.now()
  const { from, to } = rangeOf(asked, 'created')
  const aged = Math.floor(now / 1000) - 30 * 86_400
  const page = pageOf(
    account.events,
    { limit: paging.limit, from: Math.max(from, aged), to, ...eventCursors(account, paging) },
    (row) =>
      row.visibleAt <= now &&
      (wanted.length === 0 || wanted.some((pattern) => matchesType(pattern, row.type))),
  )
  return listText(
    page.rows.map((row) => inList(eventText(row))),
    page.hasMore,
    '/v1/events',
  )
}

/** JSON text of one event. */
export function retrieveEvent(account: Account, id: string): string {
  const row = account.events.get(id)
  if (row === undefined || row.visibleAt > account.now()) throw missing(404, 'event', id, 'id')
  return eventText(row)
}

function eventCursors(account: Account, paging: Parameters<typeof cursors>[2]) {
  try {
    return cursors(account, account.events, paging, 'event')
  } catch {
    const id = paging.startingAfter ?? paging.endingBefore
    throw invalid(
      `The event '${id}' is no longer available: events are retained for 30 days.`,
      paging.startingAfter === null ? 'ending_before' : 'starting_after',
      'resource_missing',
    )
  }
}

function eventText(row: EventRow): string {
  return pretty(JSON.parse(row.text))
}

/** `customer.*` and `*` stand for many types. */
export function matchesType(pattern: string, type: string): boolean {
  if (!pattern.includes('*')) return pattern === type
  const parts = pattern.split('*').map((part) => part.replaceAll('.', String.raw`\.`))
  return new RegExp(`^${parts.join('.*')}$`).test(type)
}
