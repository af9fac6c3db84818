import type { Portal } from './portal.ts'
import type { Fields } from './objectTypes.ts'

/** `GET /crm/limits/2026-09/records`: how many records of each type there are. */
export function recordCounts(portal: Portal): Fields {
  const all = portal.types().map((type) => ({
    objectTypeId: type.typeId,
    usage: portal.table(type).live().length,
    limit: 15_000_000,
    percentage: 0,
    singularLabel: type.singular,
    pluralLabel: type.name,
  }))
  const custom = all.filter(({ objectTypeId }) => objectTypeId.startsWith('2-'))
  return {
    hubspotDefinedObjectTypes: all.filter(({ objectTypeId }) => objectTypeId.startsWith('0-')),
    customObjectTypes: {
      overallLimit: 500_000,
      overallUsage: custom.reduce((sum, { usage }) => sum + usage, 0),
      byObjectType: custom,
    },
  }
}
