import type { Field } from '../connector.ts'

const TYPES: readonly string[] = ['text', 'number', 'boolean', 'timestamp', 'json']

/**
 * Fields in one line: `id! email created:timestamp billing.city`. `!` marks the primary key, a name without a type is
 * `text`. The accessor is the path, the name a label for people.
 */
export function fields(line: string): Field[] {
  return line.split(' ').map((word) => {
    const [path = '', type = 'text'] = word.replace('!', '').split(':')
    if (!TYPES.includes(type)) throw new Error(`the field ${word} has a type of ours`)
    const label = path.replaceAll(/[._]/g, ' ')
    const field: Field = {
      accessor: path,
      name: path === 'id' ? 'ID' : label.charAt(0).toUpperCase() + label.slice(1),
      type: type as Field['type'],
    }
    return word.includes('!') ? { ...field, primaryKey: true } : field
  })
}
