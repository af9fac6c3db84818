import type { Portal } from './portal.ts'
import type { ObjectType } from './objectTypes.ts'

export type AssociationType = {
  category: 'HUBSPOT_DEFINED' | 'USER_DEFINED'
  typeId: number
  label: string | null
}

/** HubSpot's own numbers, `from to unlabeled primary`. */
const defined = `contacts companies 279 1
companies contacts 280 2
deals contacts 3
contacts deals 4
deals companies 341 5
companies deals 342 6
contacts tickets 15
tickets contacts 16
tickets companies 339 26
companies tickets 340 25
deals tickets 27
tickets deals 28
deals line_items 19
line_items deals 20
quotes deals 64
deals quotes 63
quotes line_items 67
line_items quotes 68
contacts calls 193
calls contacts 194
contacts emails 197
emails contacts 198
contacts meetings 199
meetings contacts 200
contacts notes 201
notes contacts 202
contacts tasks 203
tasks contacts 204
communications contacts 81
contacts communications 82
companies calls 181
calls companies 182
deals notes 213
notes deals 214
leads contacts 608
contacts leads 579`

const numbers = new Map(
  defined.split('\n').map((line) => {
    const [from, to, unlabeled, primary] = line.split(' ')
    return [
      `${from} ${to}`,
      { unlabeled: Number(unlabeled), primary: primary === undefined ? null : Number(primary) },
    ]
  }),
)

/** The number of an association without label, and that of the primary one where there is such. */
export function numbersOf(
  from: ObjectType,
  to: ObjectType,
): { unlabeled: number; primary: number | null } {
  const own = numbers.get(`${from.name} ${to.name}`)
  if (own !== undefined) return own
  const digits = (type: ObjectType) => Number(type.typeId.split('-')[1]) % 1000
  return { unlabeled: 10_000 + digits(from) * 1000 + digits(to), primary: null }
}

/** Labels that a pair of types has: none, primary, and those that the portal made itself. */
export function labelsOf(portal: Portal, from: ObjectType, to: ObjectType): AssociationType[] {
  const { unlabeled, primary } = numbersOf(from, to)
  return [
    ...(primary === null
      ? []
      : [{ category: 'HUBSPOT_DEFINED' as const, typeId: primary, label: 'Primary' }]),
    { category: 'HUBSPOT_DEFINED', typeId: unlabeled, label: null },
    ...[...portal.notes(`label ${from.name} ${to.name}`)].map(([typeId, label]) => ({
      category: 'USER_DEFINED' as const,
      typeId: Number(typeId),
      label: label as string,
    })),
  ]
}

/** The number of the portal's own label between two types, made when it is new; the same label has another number back. */
export function ownLabel(portal: Portal, from: ObjectType, to: ObjectType, label: string): number {
  const kind = `label ${from.name} ${to.name}`
  for (const [typeId, known] of portal.notes(kind)) if (known === label) return Number(typeId)
  const last = Number(portal.notes('counter').get('label') ?? 0) + 1
  portal.note('counter', 'label', last)
  portal.note(kind, String(100_000 + last), label)
  return 100_000 + last
}

/** `deal_to_company`, as the older form of the API calls an association. */
export function nameOf(from: ObjectType, to: ObjectType, type: AssociationType): string {
  const base = `${from.singular}_to_${to.singular}`
  if (type.category === 'USER_DEFINED') return type.label!.toLowerCase().replaceAll(' ', '_')
  const { primary } = numbersOf(from, to)
  return primary === null || type.label === 'Primary' ? base : `${base}_unlabeled`
}
