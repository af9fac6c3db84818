import { expect, test } from 'vitest'
import { beginGeneration } from '../src/stream/checkpoint.ts'
import { finishEnumeration } from '../src/stream/enumerate.ts'
import { createTestDatabase } from '../test/support/database.ts'
import { observe } from '../test/support/stream.ts'
import { makeSync, opened, thingsAt } from '../test/support/sync.ts'
import { writePage } from '../src/stream/write.ts'
import { pageOf } from '../test/support/stream.ts'
import { hintBelated } from './belated.ts'

const past = (ms: number) => new Date(Date.now() - ms).toISOString()

test('G11: an old event of an object that an enumeration since has not shown is only a hint', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const sync = await makeSync(sql)
  const of = await opened(sql, sync, { thing: thingsAt([], 10).collection })
  const { sourceNo, streamNo } = of.sources[0]!
  const deps = { pools: database.pools, now: Date.now }
  await writePage(sql, pageOf({ streamNo }, [observe({ sourceNo }, 'known')]))
  const told = (id: string, observedAt: string) => ({
    collection: 'thing',
    id,
    raw: '{}',
    observedAt,
  })
  const changes = [
    told('known', past(60_000)),
    told('unknown', past(60_000)),
    told('young', past(0)),
    told('no\u0000id', past(60_000)),
    {
      collection: 'thing',
      id: 'gone',
      raw: null,
      deleted: true as const,
      observedAt: past(60_000),
    },
  ]
  expect(await hintBelated(deps, of, changes)).toEqual(changes)

  const generation = await beginGeneration(sql, {
    syncId: sync.syncId,
    sourceNo,
    streamNo,
    collectionId: 'acme:thing',
    ranges: [{ loMs: null, hiMs: null }],
  })
  // While it runs, its own sweep will judge.
  expect(await hintBelated(deps, of, changes)).toEqual(changes)
  await sql`update checkpoint set done_at = now() where kind = 'range'`
  await finishEnumeration(sql, {
    streamNo,
    sourceNo,
    generation,
    boundsFromMs: null,
    deletable: true,
    byId: true,
    nextDueMs: 60_000,
  })
  expect(await hintBelated(deps, of, changes)).toEqual(
    changes.with(1, { collection: 'thing', id: 'unknown', raw: null } as never),
  )
})
