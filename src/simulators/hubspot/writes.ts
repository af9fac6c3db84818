import { associateAs } from './associate.ts'
import { numbersOf } from './associationTypes.ts'
import { archive, checkWrites, create, gdprDelete, merge, update } from './change.ts'
import type { Writes } from './change.ts'
import { HubspotError, invalid, notFound } from './errors.ts'
import { rowBy } from './list.ts'
import type { Portal } from './portal.ts'
import { bodyOf, inputsOf } from './query.ts'
import { render } from './record.ts'
import { plain } from './objectTypes.ts'
import type { Fields, ObjectType, Row } from './objectTypes.ts'

const batchMax = 100
/** Types of which HubSpot merges two records. */
const unmergeable = ['products', 'line_items', 'quotes', 'communications', 'calls', 'emails']

/** `POST /crm/v3/objects/{type}` */
export function createObject(portal: Portal, type: ObjectType, text: string): Fields {
  return shown(portal, type, createFrom(portal, type, bodyOf(text)))
}

/** `PATCH /crm/v3/objects/{type}/{id}` */
export function updateObject(
  portal: Portal,
  type: ObjectType,
  id: string,
  query: URLSearchParams,
  text: string,
): Fields {
  const writes = checkWrites(portal, type, bodyOf(text).properties)
  const row = liveBy(portal, type, id, query.get('idProperty'))
  return shown(portal, type, update(portal, type, row.id, writes), writes)
}

/** `POST …/batch/{create,update,upsert,archive}`; null: an empty answer. */
export function batchWrite(
  portal: Portal,
  type: ObjectType,
  verb: string,
  text: string,
): Fields | null {
  const inputs = inputsOf(bodyOf(text), batchMax)
  return portal.change(() => {
    if (verb === 'archive') {
      for (const { id } of inputs) archive(portal, type, plain(id))
      return null
    }
    if (verb === 'create') {
      return complete(portal, {
        results: inputs.map((input) => shown(portal, type, createFrom(portal, type, input))),
      })
    }
    const missing: string[] = []
    const results: Fields[] = []
    for (const input of inputs) {
      const writes = checkWrites(portal, type, input.properties)
      const idProperty = typeof input.idProperty === 'string' ? input.idProperty : null
      const id = plain(input.id)
      const row = rowBy(portal, type, id, idProperty)
      const isNew = row === null || row.archivedMs !== null
      if (!isNew) {
        const updated = shown(portal, type, update(portal, type, row.id, writes), writes)
        results.push(verb === 'upsert' ? { ...updated, new: false } : updated)
      } else if (verb === 'upsert') {
        const named = idProperty === null ? {} : { [idProperty]: id }
        const made = create(portal, type, { ...writes, ...named })
        results.push({ ...shown(portal, type, made, writes), new: true })
      } else missing.push(id)
    }
    return complete(portal, { results, ...missingErrors(type, missing) })
  })
}

/** `POST …/merge` */
export function mergeObjects(portal: Portal, type: ObjectType, text: string): Fields {
  if (unmergeable.includes(type.name)) throw invalid(`Merge is not supported for ${type.name}`)
  const { primaryObjectId, objectIdToMerge } = bodyOf(text)
  const survivor = merge(portal, type, plain(primaryObjectId), plain(objectIdToMerge))
  return shown(portal, type, survivor)
}

/** `POST …/gdpr-delete` */
export function gdprDeleteObject(portal: Portal, type: ObjectType, text: string): null {
  const { objectId, idProperty } = bodyOf(text)
  const row = rowBy(
    portal,
    type,
    plain(objectId),
    typeof idProperty === 'string' ? idProperty : null,
  )
  if (row === null) throw notFound()
  gdprDelete(portal, type, row.id)
  return null
}

function createFrom(portal: Portal, type: ObjectType, input: Fields): Row {
  const writes = checkWrites(portal, type, input.properties ?? {})
  return portal.change(() => {
    checkUnique(portal, type, writes)
    const row = create(portal, type, writes)
    for (const association of (input.associations ?? []) as Fields[]) {
      const toId = plain((association.to as Fields).id)
      for (const { associationTypeId } of (association.types ?? []) as Fields[]) {
        const typeId = Number(associationTypeId)
        const to = portal.types().find((other) => {
          const { unlabeled, primary } = numbersOf(type, other)
          return unlabeled === typeId || primary === typeId
        })
        if (to === undefined) throw invalid(`associationTypeId ${typeId} is not valid`)
        associateAs(portal, type, row.id, to, toId, [typeId])
      }
    }
    return row
  })
}

function checkUnique(portal: Portal, type: ObjectType, { email }: Writes): void {
  if (type.name !== 'contacts' || email === undefined || email === null) return
  const other = rowBy(portal, type, email, 'email')
  if (other !== null && other.archivedMs === null) {
    throw new HubspotError(409, {
      message: `Contact already exists. Existing ID: ${other.id}`,
      category: 'CONFLICT',
    })
  }
}

function liveBy(portal: Portal, type: ObjectType, id: string, idProperty: string | null): Row {
  const row = rowBy(portal, type, id, idProperty)
  if (row === null || row.archivedMs !== null) throw notFound()
  return row
}

function shown(portal: Portal, type: ObjectType, row: Row, writes: Writes = {}): Fields {
  const properties = [...type.defaults, ...Object.keys(writes)]
  return render(portal, type, row, { properties, history: [], associations: [] })
}

function complete(portal: Portal, fields: Fields): Fields {
  const at = new Date(portal.now()).toISOString()
  return { status: 'COMPLETE', ...fields, startedAt: at, completedAt: at }
}

function missingErrors(type: ObjectType, ids: string[]): Fields {
  if (ids.length === 0) return {}
  return {
    numErrors: 1,
    errors: [
      {
        status: 'error',
        category: 'OBJECT_NOT_FOUND',
        message: `Could not get some ${type.singular.toUpperCase()} objects, they may be deleted or not exist. Check that ids are valid.`,
        context: { ids },
      },
    ],
  }
}
