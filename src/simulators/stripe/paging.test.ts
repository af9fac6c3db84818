import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTable, pageOf } from './table.ts'
import type { Ordered } from './table.ts'

const second = fc.integer({ min: 100, max: 106 })

function tableOf(seconds: number[]) {
  const table = createTable<Ordered>()
  for (const [index, created] of seconds.entries())
    table.put({ id: `id${index}`, created, seq: index })
  return table
}

test('paging with any limit, among concurrent inserts and deletes, meets each object that stays exactly once', () => {
  const step = fc.record({ insert: fc.option(second), drop: fc.option(fc.nat()) })
  fc.assert(
    fc.property(
      fc.array(second, { maxLength: 60 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(step, { maxLength: 60 }),
      (seconds, limit, steps) => {
        const table = tableOf(seconds)
        const stays = new Set(table.rows().map(({ id }) => id))
        const met: string[] = []
        let startingAfter: Ordered | undefined
        for (let turn = 0; ; turn++) {
          const cursor = startingAfter === undefined ? {} : { startingAfter }
          const page = pageOf(table, { limit, from: -Infinity, to: Infinity, ...cursor }, null)
          met.push(...page.rows.map(({ id }) => id))
          startingAfter = page.rows.at(-1) ?? startingAfter
          if (!page.hasMore) break
          const { insert, drop } = steps[turn] ?? { insert: null, drop: null }
          if (insert !== null) table.put({ id: `new${turn}`, created: insert, seq: 1000 + turn })
          const victim = drop === null ? undefined : table.rows()[drop % table.size]
          // The object that the cursor names stays: a client whose cursor is deleted gets an error instead.
          if (victim !== undefined && victim !== startingAfter) {
            table.drop(victim.id)
            stays.delete(victim.id)
          }
        }
        for (const id of stays) expect(met.filter((other) => other === id)).toEqual([id])
        expect(new Set(met).size).toBe(met.length)
      },
    ),
  )
})

test('pages are the newest-first order cut into pieces, forwards and backwards, within any window', () => {
  fc.assert(
    fc.property(
      fc.array(second, { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      second,
      second,
      (seconds, limit, from, to) => {
        const table = tableOf(seconds)
        const inside = table
          .rows()
          .toReversed()
          .filter(({ created }) => created >= from && created <= to)
        const walk = (backwards: boolean) => {
          const pages: Ordered[][] = []
          let cursor: Ordered | undefined = backwards ? inside.at(-1) : undefined
          if (backwards && cursor === undefined) return []
          for (;;) {
            const named =
              cursor === undefined
                ? {}
                : backwards
                  ? { endingBefore: cursor }
                  : { startingAfter: cursor }
            const page = pageOf(table, { limit, from, to, ...named }, null)
            if (backwards) pages.unshift(page.rows)
            else pages.push(page.rows)
            cursor = (backwards ? page.rows[0] : page.rows.at(-1)) ?? cursor
            if (!page.hasMore) return pages.flat()
          }
        }
        expect(walk(false)).toEqual(inside)
        expect(walk(true)).toEqual(inside.slice(0, -1))
      },
    ),
  )
})

test('a filter narrows and has_more stays exact', () => {
  const table = tableOf([1, 2, 3, 4, 5, 6])
  const even = ({ created }: Ordered) => created % 2 === 0
  const page = pageOf(table, { limit: 3, from: -Infinity, to: Infinity }, even)
  expect(page).toMatchObject({
    rows: [{ created: 6 }, { created: 4 }, { created: 2 }],
    hasMore: false,
  })
  expect(pageOf(table, { limit: 2, from: -Infinity, to: Infinity }, even).hasMore).toBe(true)
})
