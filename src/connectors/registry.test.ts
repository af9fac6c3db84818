import { expect, test } from 'vitest'
import { collectionOf, connectorOf, connectors } from './registry.ts'

test('providers are known by name, once each', () => {
  const names = connectors.map(({ provider }) => provider)
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(connectorOf(name).provider).toBe(name)
})

test('a collection is known by its global id', () => {
  const { connector, name, collection } = collectionOf('stripe:customer')
  expect([connector.provider, name, collection.title]).toEqual(['stripe', 'customer', 'Customers'])
})

test('the nearest name is told, or all there are', () => {
  expect(() => connectorOf('strpie')).toThrow(
    'There is no provider `strpie`. Did you mean `stripe`?',
  )
  expect(() => connectorOf('acme')).toThrow('There are: stripe, hubspot.')
  expect(() => collectionOf('stripe:custmers')).toThrow('Did you mean `stripe:customer`?')
  expect(() => collectionOf('stripe:constructor')).toThrow('There is no collection')
  expect(() => collectionOf('stripe')).toThrow('There is no collection')
  expect(() => connectorOf('x'.repeat(100_000))).toThrow('There is no provider')
})
