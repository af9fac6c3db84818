import { expect, test } from 'vitest'
import { inParallel } from './parallel.ts'

test('results come in the order of the items, so many at once', async () => {
  let running = 0
  let most = 0
  const results = await inParallel([5, 4, 3, 2, 1], 2, async (item) => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < item; turn++) await Promise.resolve()
    running--
    return item * 10
  })
  expect(results).toEqual([50, 40, 30, 20, 10])
  expect(most).toBe(2)
  expect(await inParallel([], 2, async () => 1)).toEqual([])
})

test('after an error nothing is begun, and what runs is awaited', async () => {
  const begun: number[] = []
  let ended = false
  const work = async (item: number) => {
    begun.push(item)
    if (item === 1) throw new Error('first')
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    ended = true
  }
  await expect(inParallel([0, 1, 2, 3], 2, work)).rejects.toThrow('first')
  expect([begun, ended]).toEqual([[0, 1], true])
})
