import { expect, test } from 'vitest'
import { AppError } from '../../domain/error.ts'
import { askSized } from './sized.ts'

const MIB = 1024 * 1024

/** A provider whose objects are so large each, behind a reader of 64 MiB. */
function provider(mib: number) {
  const asked: number[] = []
  const ask = async (limit: number) => {
    asked.push(limit)
    if (limit * mib > 64)
      throw new AppError('permanent', 'It is too large.', { code: 'answer-too-large' })
    const body = 'x'.repeat(limit * mib * MIB)
    return { status: 200, headers: {}, body, observedAt: '2026-11-24T06:00:00.000000Z' }
  }
  return { asked, ask }
}

test('a page that is too large is asked for again with half as many objects, until it fits', async () => {
  const { asked, ask } = provider(1)
  const first = await askSized(100, 100, ask)
  expect([asked, first.next]).toEqual([[100, 50], 50])
  expect((await askSized(first.next, 100, ask)).next).toBe(50)
})

test('pages grow again where objects are small', async () => {
  const { ask } = provider(0.01)
  expect((await askSized(1, 100, ask)).next).toBe(2)
  expect((await askSized(64, 100, ask)).next).toBe(100)
})

test('one object that is too large by itself is the error that it is', async () => {
  const { asked, ask } = provider(65)
  const error = { kind: 'permanent', code: 'answer-too-large' }
  await expect(askSized(5, 100, ask)).rejects.toMatchObject(error)
  expect(asked).toEqual([5, 2, 1])
})

test('another refusal is not asked again', async () => {
  let asked = 0
  const ask = async () => {
    asked += 1
    throw new AppError('permanent', 'It may not be read.')
  }
  await expect(askSized(100, 100, ask)).rejects.toThrow('may not be read')
  expect(asked).toBe(1)
})
