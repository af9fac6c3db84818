import { expect, test } from 'vitest'
import { endlessList } from '../../domain/endless.ts'
import { AppError } from '../../domain/error.ts'
import { FAILURES_MAX, inParallelPatiently } from './patient.ts'

const passing = () => new AppError('transient', 'It does not answer.')

test('what fails in passing gives null, and the others their results', async () => {
  const { results, failures } = await inParallelPatiently([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new AppError('rate_limited', 'It told to wait.')
    return item * 10
  })
  expect(results).toEqual([10, null, 30])
  expect(failures).toMatchObject([{ kind: 'rate_limited' }])
})

test('after a few failures nothing more is begun', async () => {
  let begun = 0
  const { results, failures } = await inParallelPatiently(
    Array.from({ length: 100 }, (_, at) => at),
    4,
    async () => {
      begun += 1
      throw passing()
    },
  )
  expect(begun).toBeLessThan(FAILURES_MAX + 4)
  expect(failures).toHaveLength(begun)
  expect(results).toEqual(Array.from({ length: 100 }, () => null))
})

test.each([
  ['a refusal', new AppError('permanent', 'It may not be read.')],
  ['a word to stop', new AppError('stopped', 'The work was stopped.')],
  ['a list without an end', endlessList('/v1/things')],
  ['a mistake of ours', new Error('a bug')],
])('%s is thrown', async (_, error) => {
  const work = async () => {
    throw error
  }
  await expect(inParallelPatiently([1], 1, work)).rejects.toBe(error)
})
