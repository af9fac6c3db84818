import { expect, test } from 'vitest'
import { limits } from '../src/domain/limits.ts'
import type { Plan } from './contract.ts'
import { withinPayload } from './planBackfill.ts'

test('a plan of very many collections fits into an answer: what is to be read stays, what is shown gives way', () => {
  const collections = Array.from(
    { length: 20 },
    (_, at) => `stripe:financial_connections_owner_${at}`,
  )
  const plan = {
    status: 'active',
    epoch: 1,
    facts: { provider: 'stripe', name: 'x'.repeat(100), frequency: 'continuous' },
    collections,
    nextDueInMs: 0,
    records: 0,
    notes: ['n'.repeat(320), 'n'.repeat(320), 'n'.repeat(320)],
    collectionsTotal: 103,
    collectionsComplete: 0,
    blocked: Array.from({ length: 5 }, () => ({
      collectionId: 'stripe:financial_connections_account_owner',
      reason: 'r'.repeat(160),
    })),
  } as unknown as Plan
  expect(JSON.stringify(plan).length).toBeGreaterThan(limits.payloadBytes)
  const fitted = withinPayload(plan)
  expect(JSON.stringify(fitted).length).toBeLessThanOrEqual(limits.payloadBytes)
  expect(fitted.collections).toEqual(collections)
  expect(fitted.blocked.length).toBeGreaterThan(0)
})
