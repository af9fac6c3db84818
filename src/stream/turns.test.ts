import { expect, test } from 'vitest'
import type { Sql } from '../db/pools.ts'
import { limits } from '../domain/limits.ts'
import { inTurn } from './turns.ts'

/** Writes that end when they are told to, in the order in which they began. */
function writes() {
  const sql = {} as Sql
  const begun: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const write = (name: string, streamNo = 1, ahead = false) =>
    inTurn(sql, streamNo, ahead, async () => {
      begun.push(name)
      await new Promise<void>((resolve, reject) => {
        ends.set(name, (error) => (error === undefined ? resolve() : reject(error)))
      })
      return name
    })
  return { begun, write, end: (name: string, error?: Error) => ends.get(name)!(error) }
}

test('pages of a stream take turns, those of another stream do not wait for them', async () => {
  const { begun, write, end } = writes()
  const names = Array.from({ length: limits.writesAtOnce + 2 }, (_, at) => `page ${at}`)
  const all = names.map((name) => write(name))
  const other = write('other', 2)
  expect(begun).toEqual([...names.slice(0, limits.writesAtOnce), 'other'])
  for (const name of names) {
    end(name)
    await all[names.indexOf(name)]
  }
  expect(begun.toSorted()).toEqual([...names, 'other'].toSorted())
  end('other')
  expect(await Promise.all([...all, other])).toEqual([...names, 'other'])
})

test('who goes ahead goes before all that wait, and a failure gives the turn on', async () => {
  const { begun, write, end } = writes()
  const first = Array.from({ length: limits.writesAtOnce }, (_, at) => write(`first ${at}`))
  const waiting = [write('waits'), write('goes ahead', 1, true)]
  end('first 0', new Error('broken'))
  await expect(first[0]).rejects.toThrow('broken')
  expect(begun.at(-1)).toBe('goes ahead')
  end('goes ahead')
  await waiting[1]
  expect(begun.at(-1)).toBe('waits')
  end('waits')
  for (let at = 1; at < limits.writesAtOnce; at++) end(`first ${at}`)
  await Promise.all([...first.slice(1), ...waiting])
})
