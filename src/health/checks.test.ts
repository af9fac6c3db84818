import { describe, expect, test } from 'vitest'
import type { CheckName, HealthStatus } from './checks.ts'
import { checksOf, patienceMs } from './checks.ts'
import type { CollectionFacts, SyncFacts } from './facts.ts'
import { collectionHealth, judge } from './health.ts'

const nowMs = Date.UTC(2026, 10, 24, 12)
const minute = 60_000

const collection = (more: Partial<CollectionFacts> = {}): CollectionFacts => ({
  collectionId: 'acme:thing',
  phase: 'live',
  backfilled: true,
  enumeratingSinceMs: null,
  seen: 100,
  compared: 100,
  looked: 0,
  lookEveryMs: 10_000,
  frontierAtMs: null,
  running: false,
  kept: 0,
  lastCheckedAtMs: nowMs - 5_000,
  lastChangeAtMs: null,
  blocked: null,
  error: null,
  held: null,
  quarantined: 0,
  hints: 0,
  oldestHintAtMs: null,
  ...more,
})

const sync = (more: Partial<SyncFacts> = {}): SyncFacts => ({
  syncId: 'a-sync',
  nowMs,
  status: 'active',
  frequency: 'continuous',
  createdAtMs: nowMs - 24 * 60 * minute,
  lastProgressAtMs: nowMs - 5_000,
  error: null,
  refused: null,
  quotaBlockedUntilMs: null,
  webhooks: null,
  consumersBlocked: [],
  trimHeldBy: null,
  collections: [collection()],
  ...more,
})

const blocked = {
  kind: 'permanent',
  reason: 'The key lacks a permission.',
  sinceMs: nowMs - minute,
}
const off = { ...blocked, kind: 'not_enabled', reason: 'This account does not have it.' }

describe('health', () => {
  test.each<[string, Partial<SyncFacts>, HealthStatus, CheckName | null, string]>([
    ['all is well', {}, 'healthy', null, ''],
    [
      'nothing has come yet',
      {
        createdAtMs: nowMs - 5_000,
        lastProgressAtMs: null,
        collections: [
          collection({
            phase: 'waiting',
            backfilled: false,
            seen: 0,
            compared: null,
            lastCheckedAtMs: null,
          }),
        ],
      },
      'initializing',
      'progress',
      'first page',
    ],
    [
      'nothing has come for too long',
      { createdAtMs: nowMs - patienceMs - 1, lastProgressAtMs: null },
      'error',
      'progress',
      'No worker seems to run',
    ],
    [
      'the credential is refused',
      { refused: { reason: 'The key was revoked.', sinceMs: nowMs - minute } },
      'error',
      'credential',
      'The key was revoked.',
    ],
    [
      'no progress',
      { lastProgressAtMs: nowMs - patienceMs - 1 },
      'error',
      'progress',
      'No progress since 2026-11-24 11:44:59 UTC',
    ],
    [
      'a frequency gives its own patience',
      { frequency: '4h', lastProgressAtMs: nowMs - 11 * 60 * minute },
      'healthy',
      null,
      '',
    ],
    [
      'three times the frequency is too long',
      { frequency: '4h', lastProgressAtMs: nowMs - 13 * 60 * minute },
      'error',
      'progress',
      'No progress',
    ],
    [
      'a paused sync owes no progress',
      { status: 'paused', lastProgressAtMs: nowMs - 99 * patienceMs },
      'healthy',
      null,
      '',
    ],
    [
      'a short trouble is none',
      { error: { kind: 'transient', message: 'It does not answer.', sinceMs: nowMs - minute } },
      'healthy',
      null,
      '',
    ],
    [
      'a long one is a warning',
      {
        error: {
          kind: 'transient',
          message: 'It does not answer.',
          sinceMs: nowMs - patienceMs - 1,
        },
      },
      'warning',
      'provider',
      'It does not answer.',
    ],
    [
      'a long wait for quota is a warning',
      { quotaBlockedUntilMs: nowMs + 2 * patienceMs },
      'warning',
      'quota',
      'asked to wait until',
    ],
    [
      'one collection blocked',
      {
        collections: [
          collection(),
          collection({ collectionId: 'acme:other', phase: 'blocked', blocked }),
        ],
      },
      'warning',
      'collections',
      'acme:other: The key lacks a permission.',
    ],
    [
      'all collections blocked',
      { collections: [collection({ phase: 'blocked', blocked })] },
      'error',
      'collections',
      'No collection can be read.',
    ],
    [
      'one collection that the account does not have',
      {
        collections: [
          collection(),
          collection({ collectionId: 'acme:other', phase: 'blocked', blocked: off }),
        ],
      },
      'healthy',
      null,
      '',
    ],
    [
      'no collection that the account has',
      { collections: [collection({ phase: 'blocked', blocked: off })] },
      'warning',
      'collections',
      'None of the 1 collections is enabled',
    ],
    [
      'a quarantined record',
      { collections: [collection({ quarantined: 2 })] },
      'warning',
      'collections',
      '2 records of acme:thing',
    ],
    [
      'deletes that are held',
      {
        collections: [
          collection({
            held: { count: 500, of: 900, samples: ['a', 'b'], since: '2026-11-24T11:00:00Z' },
          }),
        ],
      },
      'warning',
      'deletes',
      '500 of 900 records of acme:thing',
    ],
    [
      'old hints',
      { collections: [collection({ hints: 7, oldestHintAtMs: nowMs - patienceMs - 1 })] },
      'warning',
      'lag',
      '7 records are known to have changed',
    ],
    [
      'a re-listed collection within its interval',
      {
        collections: [
          collection({ lookEveryMs: 60 * minute, lastCheckedAtMs: nowMs - 50 * minute }),
        ],
      },
      'healthy',
      'lag',
      'No known change',
    ],
    [
      'a collection that was not looked at for long',
      { collections: [collection({ lastCheckedAtMs: nowMs - patienceMs - 1 })] },
      'warning',
      'lag',
      'acme:thing: not looked at since',
    ],
    [
      'a look that a frequency puts off is not late',
      {
        frequency: '4h',
        lastProgressAtMs: nowMs - 3 * 60 * minute,
        collections: [collection({ lastCheckedAtMs: nowMs - 3 * 60 * minute })],
      },
      'healthy',
      'lag',
      'No known change',
    ],
    [
      'an enumeration that stands still, with the reason',
      {
        collections: [
          collection({
            enumeratingSinceMs: nowMs - 2 * patienceMs,
            frontierAtMs: nowMs - patienceMs - 1,
            error: { message: 'Things cannot be listed.', sinceMs: nowMs - minute },
          }),
        ],
      },
      'warning',
      'progress',
      'stands still since 2026-11-24 11:44:59 UTC. Things cannot be listed.',
    ],
    [
      'an enumeration that nobody is at',
      { collections: [collection({ enumeratingSinceMs: nowMs - 2 * patienceMs })] },
      'warning',
      'progress',
      'No worker is at it.',
    ],
    [
      'webhooks that stay away while there are changes',
      {
        webhooks: { sinceMs: nowMs - 9 * patienceMs, lastAtMs: nowMs - 3 * patienceMs },
        collections: [collection({ lastChangeAtMs: nowMs - minute })],
      },
      'warning',
      'webhooks',
      'no webhook has come since',
    ],
    [
      'no webhooks while nothing changes',
      { webhooks: { sinceMs: nowMs - 9 * patienceMs, lastAtMs: null } },
      'healthy',
      'webhooks',
      'none has come yet',
    ],
    [
      'a consumer that holds tombstones back',
      { trimHeldBy: { consumerId: 'c1', name: 'crm', sinceMs: nowMs - 40 * 24 * 60 * minute } },
      'warning',
      'consumers',
      'crm (c1) is the slowest',
    ],
    [
      'consumers to which nothing new goes',
      {
        consumersBlocked: [
          { consumerId: 'c1', name: 'crm', waiting: 10 },
          { consumerId: 'c2', name: null, waiting: 30 },
        ],
      },
      'warning',
      'consumers',
      'redelivery: crm (c1) has 10, c2 has 30.',
    ],
    [
      'a blocked consumer beside one that holds tombstones back',
      {
        consumersBlocked: [{ consumerId: 'c1', name: null, waiting: 10 }],
        trimHeldBy: { consumerId: 'c2', name: null, sinceMs: nowMs - 40 * 24 * 60 * minute },
      },
      'warning',
      'consumers',
      'The consumer c2 is the slowest',
    ],
    [
      'rejected deletes',
      { collections: [collection({ kept: 7 })] },
      'healthy',
      'deletes',
      '7 records are missing at the provider and stay',
    ],
  ])('%s', (_, facts, status, name, words) => {
    const { health } = judge(sync(facts))
    expect(health.status).toBe(status)
    if (name !== null)
      expect(health.checks.find((one) => one.name === name)).toMatchObject({
        status,
        message: expect.stringContaining(words),
      })
  })

  test('an error says since when, and when all was well last', () => {
    const sinceMs = nowMs - 20 * minute
    const { health } = judge(sync({ refused: { reason: 'No.', sinceMs } }))
    expect(health.erroringSince).toEqual(new Date(sinceMs))
    expect(health.lastHealthyAt).toEqual(new Date(sinceMs))
  })

  test('each check is a sentence', () => {
    for (const { message } of checksOf(sync())) expect(message).toMatch(/^[A-Z].*\.$/)
  })
})

describe('a collection', () => {
  test('tells no progress where no total is known', () => {
    const one = collection({
      phase: 'backfilling',
      backfilled: false,
      compared: null,
      enumeratingSinceMs: nowMs - minute,
    })
    expect(collectionHealth(sync(), one)).toMatchObject({
      phase: 'backfilling',
      progress: null,
      eta: null,
      recordsSeen: 100,
    })
  })

  test('compared anew, tells how far it is and when it will be through', () => {
    const one = collection({ seen: 25, compared: 100, enumeratingSinceMs: nowMs - minute })
    expect(collectionHealth(sync(), one)).toMatchObject({
      progress: 0.25,
      eta: new Date(nowMs + 3 * minute),
    })
  })

  test('of a paused sync is paused, of a refused credential blocked', () => {
    expect(collectionHealth(sync({ status: 'paused' }), collection()).phase).toBe('paused')
    expect(
      collectionHealth(sync({ refused: { reason: 'No.', sinceMs: 0 } }), collection()).phase,
    ).toBe('blocked')
  })

  test('lags since the first change that waits to be read', () => {
    expect(collectionHealth(sync(), collection()).lagSeconds).toBe(5)
    expect(
      collectionHealth(sync(), collection({ hints: 1, oldestHintAtMs: nowMs - minute })).lagSeconds,
    ).toBe(60)
  })
})
