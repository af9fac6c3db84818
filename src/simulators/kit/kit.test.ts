import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { createTokenBucket } from './buckets.ts'
import { createManualClock } from './clock.ts'
import { createFaults } from './faults.ts'
import { parseForm } from './form.ts'
import { openJournal } from './journal.ts'
import { createRandom } from './random.ts'

test('the same seed tells the same story, another seed another one', () => {
  const story = (seed: number) => {
    const random = createRandom(seed)
    return [random.text(20), random.int(0, 1e9), random.weighted({ a: 1, b: 1, c: 1 })]
  }
  expect(story(4)).toEqual(story(4))
  expect(story(4)).not.toEqual(story(5))
})

test('whole numbers stay within both ends and weights of zero never come', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: -50, max: 50 }), fc.nat(50), (seed, low, span) => {
      const random = createRandom(seed)
      for (let index = 0; index < 50; index++) {
        const value = random.int(low, low + span)
        expect(value >= low && value <= low + span).toBe(true)
        expect(random.weighted({ never: 0, always: 1 })).toBe('always')
      }
    }),
  )
})

test('a bucket gives its rate per second and no more', () => {
  const clock = createManualClock(0)
  const bucket = createTokenBucket(25, clock.now)
  const taken = () => {
    let count = 0
    while (bucket.take()) count += 1
    return count
  }
  expect(taken()).toBe(25)
  expect(bucket.waitMs()).toBe(40)
  clock.advance(200)
  expect(taken()).toBe(5)
  clock.advance(60_000)
  expect(taken()).toBe(25)
})

test('a fault hits matching requests, after its skips, as often as its count', () => {
  const faults = createFaults(createRandom(1))
  const added = faults.add({
    kind: 'reset',
    path: '/v1/customers*',
    method: 'GET',
    skip: 1,
    count: 2,
  })
  const kinds = [
    '/v1/events',
    '/v1/customers',
    '/v1/customers/cus_1',
    '/v1/customers',
    '/v1/customers',
  ].map((path) => faults.play('GET', path, '').fault?.kind ?? null)
  expect(kinds).toEqual([null, null, 'reset', 'reset', null])
  expect(added.hits).toBe(2)
  expect(faults.play('POST', '/v1/customers', '').fault).toBeNull()
})

test('latencies add up beside one other fault, and a removed fault is over', () => {
  const faults = createFaults(createRandom(1))
  faults.add({ kind: 'latency', ms: 30 })
  faults.add({ kind: 'latency', ms: 12 })
  const added = faults.add({ kind: 'html' })
  faults.add({ kind: 'cut' })
  expect(faults.play('GET', '/', '')).toMatchObject({ delayMs: 42, fault: { kind: 'html' } })
  added.remove()
  expect(faults.play('GET', '/', '').fault?.kind).toBe('cut')
  faults.clear()
  expect(faults.play('GET', '/', '')).toEqual({ delayMs: 0, fault: null })
})

test('a fault with a question mark looks at the query, decoded', () => {
  const faults = createFaults(createRandom(1))
  faults.add({ kind: 'forbidden', path: '/v1/list?*created[gte]=5*' })
  expect(faults.play('GET', '/v1/list', 'limit=1&created%5Bgte%5D=5').fault?.kind).toBe('forbidden')
  expect(faults.play('GET', '/v1/list', 'limit=1').fault).toBeNull()
})

test('a probability is kept to, and repeats with the seed', () => {
  const hits = (seed: number) => {
    const faults = createFaults(createRandom(seed))
    const added = faults.add({ kind: 'reset', probability: 0.3 })
    const pattern = Array.from({ length: 1000 }, () => faults.play('GET', '/', '').fault !== null)
    return { count: added.hits, pattern }
  }
  expect(hits(9)).toEqual(hits(9))
  expect(hits(9).count).toBeGreaterThan(240)
  expect(hits(9).count).toBeLessThan(360)
})

test('bracket notation becomes nested values', () => {
  expect(
    parseForm('a=1&created[gte]=5&types[]=x&types[]=y&items[1][id]=b&items[0][id]=a&m[k.x]=%C3%A9'),
  ).toEqual({
    a: '1',
    created: { gte: '5' },
    types: ['x', 'y'],
    items: [{ id: 'a' }, { id: 'b' }],
    m: { 'k.x': 'é' },
  })
  expect(parseForm('')).toEqual({})
})

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'journal-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

function read(dir: string): unknown[] {
  const records: unknown[] = []
  openJournal(dir, (record) => records.push(record)).close()
  return records
}

test('a journal gives back what was appended, also after a rewrite', () => {
  const dir = directory()
  const journal = openJournal(dir, () => {})
  journal.append({ a: 'é\n' })
  journal.append([1, null])
  journal.close()
  expect(read(dir)).toEqual([{ a: 'é\n' }, [1, null]])
  const again = openJournal(dir, () => {})
  again.rewrite(['all', 'anew'])
  again.append('after')
  again.close()
  expect(read(dir)).toEqual(['all', 'anew', 'after'])
})

test('a torn last line is left out and does not spoil what comes after', () => {
  const dir = directory()
  const journal = openJournal(dir, () => {})
  journal.append('whole')
  const { size } = journal
  journal.append('torn')
  journal.close()
  truncateSync(join(dir, 'journal.jsonl'), size + 3)
  const again = openJournal(dir, () => {})
  again.append('next')
  again.close()
  expect(read(dir)).toEqual(['whole', 'next'])
})
