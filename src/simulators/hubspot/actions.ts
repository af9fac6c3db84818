import { associate, dissociate } from './associate.ts'
import { archive, create, gdprDelete, merge, recalculate, restore, update } from './change.ts'
import type { Writes } from './change.ts'
import { expireCursors } from './list.ts'
import { addList, deleteList, joinList, leaveList } from './lists.ts'
import { addOwner, archiveOwner, updateOwner } from './owners.ts'
import type { Portal } from './portal.ts'
import type { Property } from './properties.ts'
import { addProperty } from './propertiesApi.ts'
import { addSchema } from './schemas.ts'
import { seedMinute, typeOf } from './seed.ts'
import type { Fields, Row } from './objectTypes.ts'
import { valuesFor } from './values.ts'

/** What can be done to the portal from outside its API. A custom object's type may be named without the portal's number. */
export type Actions = {
  /** `values` replaces or empties what would be made up. */
  create(type: string, values?: Writes): Row
  update(type: string, id: string, values: Writes): Row
  /** Changes values without moving the modified date, as calculated properties do. */
  recalculate(type: string, id: string, values: Writes): Row
  archive(type: string, id: string): void
  restore(type: string, id: string): Row
  merge(type: string, primaryId: string, otherId: string): Row
  gdprDelete(type: string, id: string): void
  associate(from: string, fromId: string, to: string, toId: string, label?: string): void
  dissociate(from: string, fromId: string, to: string, toId: string): void
  addProperty(type: string, property: Fields & { name: string }): Property
  addSchema(schema: Fields & { name: string }): Fields
  addOwner(owner?: Fields): Fields
  updateOwner(id: string, fields: Fields): Fields
  archiveOwner(id: string): Fields
  addList(list?: Fields): Fields
  deleteList(listId: string): void
  joinList(listId: string, recordId: string): void
  leaveList(listId: string, recordId: string): void
  /** So many new records modified within one minute a day ago, half of them in one millisecond. */
  seedMinute(type: string, count: number): void
  /** Ids in the bin, ids that were merged away with their survivors, and ids deleted without a trace. */
  fates(type: string): { archived: string[]; merged: Record<string, string>; gone: string[] }
  /** Every `after` of a list that was told so far is refused from now on. */
  expireCursors(): void
}

export function createActions(portal: Portal): Actions {
  const named = (name: string) => typeOf(portal, name)
  return {
    create: (name, values = {}) => {
      const type = named(name)
      return create(portal, type, { ...valuesFor(portal, type), ...values })
    },
    update: (type, id, values) => update(portal, named(type), id, values),
    recalculate: (type, id, values) => recalculate(portal, named(type), id, values),
    archive: (type, id) => archive(portal, named(type), id),
    restore: (type, id) => restore(portal, named(type), id),
    merge: (type, primaryId, otherId) => merge(portal, named(type), primaryId, otherId),
    gdprDelete: (type, id) => gdprDelete(portal, named(type), id),
    associate: (from, fromId, to, toId, label) =>
      associate(portal, named(from), fromId, named(to), toId, label),
    dissociate: (from, fromId, to, toId) =>
      dissociate(portal, named(from), fromId, named(to), toId),
    addProperty: (type, property) => addProperty(portal, named(type), property),
    addSchema: (schema) => addSchema(portal, schema),
    addOwner: (owner) => addOwner(portal, owner),
    updateOwner: (id, fields) => updateOwner(portal, id, fields),
    archiveOwner: (id) => archiveOwner(portal, id),
    addList: (list = {}) => addList(portal, list),
    deleteList: (listId) => deleteList(portal, listId),
    joinList: (listId, recordId) => joinList(portal, listId, recordId),
    leaveList: (listId, recordId) => leaveList(portal, listId, recordId),
    seedMinute: (type, count) => seedMinute(portal, named(type), count),
    fates: (type) => portal.fates(named(type)),
    expireCursors: () => expireCursors(portal),
  }
}
