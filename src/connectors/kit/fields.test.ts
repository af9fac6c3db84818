import { expect, test } from 'vitest'
import { fields } from './fields.ts'

test('a line of words becomes fields', () => {
  expect(fields('id! email price.unit_amount:number created:timestamp')).toEqual([
    { accessor: 'id', name: 'ID', type: 'text', primaryKey: true },
    { accessor: 'email', name: 'Email', type: 'text' },
    { accessor: 'price.unit_amount', name: 'Price unit amount', type: 'number' },
    { accessor: 'created', name: 'Created', type: 'timestamp' },
  ])
})

test('a type that is none of ours is refused', () => {
  expect(() => fields('created:date')).toThrow('created:date')
})
