import { invalid, notFound } from './errors.ts'
import type { Portal } from './portal.ts'
import { bodyOf, flag, inputsOf, limitOf, textsOf, wantedOf } from './query.ts'
import { render } from './record.ts'
import { firstAfter } from './table.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType, Row } from './objectTypes.ts'

/** `GET /crm/v3/objects/{type}`: live or archived records by id ascending. */
export function listObjects(portal: Portal, type: ObjectType, query: URLSearchParams): Fields {
  const wanted = wantedOf(portal, query)
  const limit = limitOf(query.get('limit'), 10, wanted.history.length > 0 ? 50 : 100)
  const archived = flag(query, 'archived')
  const table = portal.table(type)
  const rows = archived ? table.archived() : table.live()
  const after = query.get('after')
  const from = after === null || after === '' ? 0 : firstAfter(rows, readCursor(portal, after))
  const page: Row[] = []
  let index = from
  for (; index < rows.length && page.length < limit; index++) {
    const row = rows[index]!
    if (portal.find(type, row.id) !== null) page.push(row)
  }
  const results = page.map((row) => render(portal, type, row, wanted))
  const last = page.at(-1)
  if (last === undefined || index >= rows.length) return { results }
  const next = writeCursor(portal, last.id)
  return {
    results,
    paging: {
      next: {
        after: next,
        link: `https://api.hubapi.com/crm/v3/objects/${type.name}?after=${encodeURIComponent(next)}&limit=${limit}`,
      },
    },
  }
}

/** `GET /crm/v3/objects/{type}/{id}`: an id that was merged away answers with the survivor. */
export function readObject(
  portal: Portal,
  type: ObjectType,
  id: string,
  query: URLSearchParams,
): Fields {
  const row = rowBy(portal, type, id, query.get('idProperty'))
  if (row === null || (row.archivedMs !== null) !== flag(query, 'archived')) throw notFound()
  return render(portal, type, row, wantedOf(portal, query))
}

/** `POST …/batch/read`: what is there, and one error that names the ids that are not. `numErrors` in it: a 207. */
export function batchRead(
  portal: Portal,
  type: ObjectType,
  text: string,
  query: URLSearchParams,
): Fields {
  const body = bodyOf(text)
  const history = textsOf(body.propertiesWithHistory)
  const inputs = inputsOf(body, history.length > 0 ? 50 : 100)
  const idProperty = typeof body.idProperty === 'string' ? body.idProperty : null
  const archived = flag(query, 'archived')
  const wanted = {
    properties: Array.isArray(body.properties) ? textsOf(body.properties) : null,
    history,
    associations: [],
  }
  const found = new Map<string, Row>()
  const missing: string[] = []
  for (const input of inputs) {
    const id = plain(input.id)
    const row = rowBy(portal, type, id, idProperty)
    if (row === null || (row.archivedMs !== null) !== archived) missing.push(id)
    else found.set(row.id, row)
  }
  // The order is not promised: never that of the inputs.
  const rows = [...found.values()].sort((a, b) => Number(b.id) - Number(a.id))
  const at = new Date(portal.now()).toISOString()
  return {
    status: 'COMPLETE',
    results: rows.map((row) => render(portal, type, row, wanted)),
    ...(missing.length === 0
      ? {}
      : {
          numErrors: 1,
          errors: [
            {
              status: 'error',
              category: 'OBJECT_NOT_FOUND',
              message: `Could not get some ${type.singular.toUpperCase()} objects, they may be deleted or not exist. Check that ids are valid.`,
              context: { ids: missing },
            },
          ],
        }),
    startedAt: at,
    completedAt: at,
  }
}

/** A record by id, or by the value of a property. */
export function rowBy(
  portal: Portal,
  type: ObjectType,
  id: string,
  idProperty: string | null,
): Row | null {
  if (idProperty === null || idProperty === 'hs_object_id') return portal.find(type, id)
  if (!portal.properties(type).has(idProperty)) {
    throw invalid(`Property "${idProperty}" does not exist`)
  }
  const wanted = id.toLowerCase()
  const has = ({ values }: Row) => values[idProperty]?.toLowerCase() === wanted
  const table = portal.table(type)
  return table.live().find(has) ?? table.archived().find(has) ?? null
}

/** Base64 with all its letters: opaque, and to be encoded in a query. */
function writeCursor(portal: Portal, id: string): string {
  const text = `${id}|${epoch(portal)}|${portal.now()}|~~~`
  return Buffer.from(text, 'latin1').toString('base64')
}

function readCursor(portal: Portal, cursor: string): number {
  const parts = Buffer.from(cursor, 'base64').toString('latin1').split('|')
  const [id, of, at] = parts.map(Number) as [number, number, number]
  const { afterTtlMs } = portal.settings
  if (parts[3] !== '~~~' || !Number.isFinite(id)) throw invalid('The after parameter is not valid.')
  if (of !== epoch(portal) || (afterTtlMs !== null && at + afterTtlMs < portal.now())) {
    throw invalid('The after parameter has expired; start again without it.')
  }
  return id
}

/** Every cursor of a list that was handed out so far is refused from now on. */
export function expireCursors(portal: Portal): void {
  portal.note('counter', 'cursors', epoch(portal) + 1)
}

function epoch(portal: Portal): number {
  return Number(portal.notes('counter').get('cursors') ?? 0)
}
