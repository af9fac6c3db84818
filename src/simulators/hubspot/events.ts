import type { ObjectType } from './objectTypes.ts'

/** Something that happened to a record or an association, in whatever form it is announced. */
export type PortalEvent =
  | {
      kind: 'creation' | 'deletion' | 'restore' | 'privacyDeletion'
      type: ObjectType
      id: string
    }
  | { kind: 'propertyChange'; type: ObjectType; id: string; name: string; value: string }
  | {
      kind: 'merge'
      type: ObjectType
      id: string
      primaryId: string
      mergedIds: string[]
      moved: number
    }
  | { kind: 'membership'; type: ObjectType; id: string; listId: string; removed: boolean }
  | {
      kind: 'associationChange'
      type: ObjectType
      id: string
      toType: ObjectType
      toId: string
      typeId: number
      primary: boolean
      removed: boolean
    }
