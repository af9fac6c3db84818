import { describe, expect, test } from 'vitest'
import type { DashboardView } from './dashboard.ts'
import { dashboard, stateOf } from './dashboard.ts'

const nowMs = Date.UTC(2026, 10, 24, 12)
const view = (more: Partial<DashboardView> = {}): DashboardView => ({
  called: { name: 'Globex', provider: 'stripe' },
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
  changes: { seen: 12, sinceMs: nowMs - 60_000, lastMs: nowMs - 2_000, toldMs: nowMs - 1_000 },
  nextPassAtMs: null,
  nextCompareAtMs: null,
  nextTryAtMs: null,
  ...more,
})

describe('what an operator reads', () => {
  test('a sync says its name, which is text whatever is in it', () => {
    expect(dashboard(view())).toMatch(/^Sync `Globex` \(stripe\)\n/)
    const called = { name: '`#\n# <b>', provider: 'stripe' }
    expect(dashboard(view({ called }))).toMatch(/^Sync ` # # <b>` \(stripe\)\n/)
  })

  test('a live sync says so, and how to pause it', () => {
    const text = dashboard(view())
    expect(text).toContain('### Live')
    expect(text).toContain('16 of 16 collections complete, 20,123 records')
    expect(text).toContain('**To pause it**: More Actions → Send a Signal, name `pause`')
  })

  test('changes are counted up to when a slice told of them, and not at all before', () => {
    expect(dashboard(view())).toContain(
      '12 seen from 2026-11-24 11:59:00 UTC to 2026-11-24 11:59:59 UTC, the last one at 2026-11-24 11:59:58 UTC.',
    )
    const changes = { seen: 0, sinceMs: nowMs, lastMs: null, toldMs: null }
    expect(dashboard(view({ changes }))).toContain('followed since 2026-11-24 12:00:00 UTC')
    expect(dashboard(view({ changes }))).not.toContain('0 seen')
  })

  test('what went wrong comes before the numbers', () => {
    const text = dashboard(view({ notes: ['Something waits.'] }))
    expect(text.indexOf('Something waits.')).toBeLessThan(text.indexOf('**Backfill**'))
  })

  test('a paused sync says how it goes on', () => {
    expect(dashboard(view({ state: 'paused' }))).toContain('sends the signal `resume`')
    expect(dashboard(view({ state: 'paused' }))).toContain('**To go on**: More Actions')
  })

  test('a refused credential says why, since when, and what to do', () => {
    const text = dashboard(
      view({ state: 'blocked', refused: { message: 'The key was revoked.', sinceMs: nowMs } }),
    )
    expect(text).toContain('Update the credential (`PATCH /v1/credentials/{id}`)')
    expect(text).toContain('tried again once an hour')
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
    expect(dashboard(view())).toContain('the tab **Pending Activities** says until when')
    expect(dashboard(view({ nextCompareAtMs: nowMs + 60_000 }))).toContain(
      'The next comparison with the account is due at 2026-11-24 12:01:00 UTC',
    )
    expect(dashboard(view({ state: 'paused', nextCompareAtMs: nowMs + 60_000 }))).not.toContain(
      'next comparison',
    )
    expect(dashboard(view({ state: 'blocked', nextTryAtMs: nowMs + 60_000 }))).toContain(
      'The old one is tried again at 2026-11-24 12:01:00 UTC',
    )
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
