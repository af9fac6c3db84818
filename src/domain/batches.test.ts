import { expect, test } from 'vitest'
import { createBatches } from './batches.ts'

function gated() {
  const loads: { group: string; ids: string[]; finish(error?: Error): void }[] = []
  const batches = createBatches<string>(
    async (group, ids) =>
      await new Promise((resolve, reject) => {
        const values = ids
          .filter((id) => id !== 'unknown')
          .map((id) => [id, `${group} ${id}`] as const)
        const finish = (error?: Error) => (error ? reject(error) : resolve(new Map(values)))
        loads.push({ group, ids, finish })
      }),
  )
  return { loads, batches }
}

test('one who asks alone is served at once', async () => {
  const { loads, batches } = gated()
  const asked = batches.get('a', '1')
  expect(loads.map(({ ids }) => ids)).toEqual([['1']])
  loads[0]!.finish()
  expect(await asked).toBe('a 1')
})

test('those who ask while two loads run go together, each id once, and only with their group', async () => {
  const { loads, batches } = gated()
  const asked = ['1', '2', '3', '4', '3', 'unknown'].map((id) => batches.get('a', id))
  const other = batches.get('b', '9')
  expect(loads.map(({ group, ids }) => [group, ids])).toEqual([
    ['a', ['1']],
    ['a', ['2']],
    ['b', ['9']],
  ])
  loads[0]!.finish()
  await expect.poll(() => loads.length).toBe(4)
  expect(loads[3]!.ids).toEqual(['3', '4', 'unknown'])
  for (const one of loads) one.finish()
  expect(await Promise.all(asked)).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 3', undefined])
  expect(await other).toBe('b 9')
})

test('what is asked after a load began is not answered by it', async () => {
  const { loads, batches } = gated()
  const first = batches.get('a', '1')
  const second = batches.get('a', '1')
  const third = batches.get('a', '1')
  expect(loads).toHaveLength(2)
  loads[0]!.finish()
  await first
  await expect.poll(() => loads.length).toBe(3)
  loads[1]!.finish()
  loads[2]!.finish()
  expect(await Promise.all([second, third])).toEqual(['a 1', 'a 1'])
})

test('a load that fails fails those who were in it, and no other', async () => {
  const { loads, batches } = gated()
  const [first, second, third] = ['1', '2', '3'].map((id) => batches.get('a', id))
  loads[0]!.finish(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await expect.poll(() => loads.length).toBe(3)
  loads[1]!.finish()
  loads[2]!.finish()
  expect(await Promise.all([second, third])).toEqual(['a 2', 'a 3'])
})
