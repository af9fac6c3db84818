import { describe, expect, test } from 'vitest'
import type { DashboardView } from './dashboard.ts'
import { dashboard, stateOf } from './dashboard.ts'

const nowMs = Date.UTC(2026, 10, 24, 12)
const view = (more: Partial<DashboardView> = {}): DashboardView => ({
  state: 'live',
  frequency: 'continuous',
  nowMs,
  collectionsTotal: 16,
  collectionsComplete: 16,
  records: 20_123,
  reading: [],
  blockedCollections: [],
  refused: null,
  trouble: null,
  notes: [],
  changes: { seen: 12, sinceMs: nowMs - 60_000, lastMs: nowMs - 1_000 },
  nextPassAtMs: null,
  ...more,
})

describe('what an operator reads', () => {
  test('a live sync says so, and how to pause it', () => {
    const text = dashboard(view())
    expect(text).toContain('### Live')
    expect(text).toContain('16 of 16 collections complete, 20,123 records')
    expect(text).toContain('`pause` stops all requests at once')
  })

  test('a paused sync says how it goes on', () => {
    expect(dashboard(view({ state: 'paused' }))).toContain('send the signal `resume`')
  })

  test('a refused credential says why, since when, and what to do', () => {
    const text = dashboard(
      view({ state: 'blocked', refused: { message: 'The key was revoked.', sinceMs: nowMs } }),
    )
    expect(text).toContain('Update the credential')
    expect(text).toContain('since 2026-11-24 12:00:00 UTC: The key was revoked.')
  })

  test('a blocked collection says why', () => {
    const text = dashboard(
      view({
        blockedCollections: [{ collectionId: 'acme:thing', reason: 'A permission is missing.' }],
      }),
    )
    expect(text).toContain('`acme:thing` is blocked: A permission is missing.')
  })

  test('a wait says for what', () => {
    expect(dashboard(view({ frequency: '15m', nextPassAtMs: nowMs + 60_000 }))).toContain(
      'The next look is due at 2026-11-24 12:01:00 UTC',
    )
  })
})

test('the state is what was asked, else what stands in the way, else how far it is', () => {
  const facts = { status: 'active', refused: false, planned: true, complete: true } as const
  expect(stateOf(facts)).toBe('live')
  expect(stateOf({ ...facts, complete: false })).toBe('backfilling')
  expect(stateOf({ ...facts, planned: false })).toBe('starting')
  expect(stateOf({ ...facts, refused: true })).toBe('blocked')
  expect(stateOf({ ...facts, refused: true, status: 'paused' })).toBe('paused')
  expect(stateOf({ ...facts, refused: true, status: 'deleted' })).toBe('removing')
})
