import { expect, test } from 'vitest'
import { AppError } from '../domain/error.ts'
import { createMemory } from './memory.ts'

test('who asks while it is loaded waits for the same load; who was only waiting is not stopped with it', async () => {
  const remember = createMemory()('one')
  let loads = 0
  let stop = (_: AppError) => {}
  const stopped = remember('key', 60_000, () => {
    loads++
    return new Promise<string>((_, reject) => (stop = reject))
  })
  const load = () => Promise.resolve(`load ${++loads}`)
  const others = [remember('key', 60_000, load), remember('key', 60_000, load)]
  stop(new AppError('stopped', 'The sync was paused.'))
  await expect(stopped).rejects.toMatchObject({ kind: 'stopped' })
  expect(await others[0]).toMatch(/^load/)
  expect(await others[1]).toMatch(/^load/)
})

test('what was loaded is kept for its time, by credential and key', async () => {
  let nowMs = 0
  const memory = createMemory(() => nowMs)
  let loads = 0
  const load = () => Promise.resolve(++loads)
  expect(await memory('one')('key', 1_000, load)).toBe(1)
  expect(await memory('one')('key', 1_000, load)).toBe(1)
  expect(await memory('two')('key', 1_000, load)).toBe(2)
  nowMs = 1_000
  expect(await memory('one')('key', 1_000, load)).toBe(3)
})
