import { expect, test } from 'vitest'
import { AppError } from './domain/error.ts'
import { Secret } from './domain/secret.ts'
import { createLog } from './log.ts'

function lines(level: 'info' | 'warn' = 'info') {
  const written: string[] = []
  const log = createLog({ logLevel: level }, { write: (line: string) => void written.push(line) })
  return { log, written, last: () => JSON.parse(written.at(-1) ?? '{}') }
}

test('G12: a secret is redacted by its type, wherever it stands', () => {
  const { log, written } = lines()
  const key = new Secret('sk_live_hidden')
  log.info({ key, deep: { er: [{ key }] } }, `with ${key}`)
  expect(written.join()).not.toContain('sk_live_hidden')
  expect(written.join()).toContain('[secret]')
})

test('G12: what is called a secret is redacted even as plain text', () => {
  const { log, written } = lines()
  log.info({ headers: { authorization: 'Bearer hidden' }, properties: { secret: 'hidden' } })
  log.info({ request: { headers: { authorization: 'Bearer hidden' } }, access_token: 'hidden' })
  expect(written.join()).not.toContain('hidden')
})

test('G12: an error is logged without its own properties, and so are its causes', () => {
  const { log, written, last } = lines()
  const driver = Object.assign(new Error('duplicate key'), {
    code: '23505',
    parameters: ['hidden'],
  })
  log.error({ err: new AppError('bug', 'A write failed.', { cause: driver }) })
  expect(written.join()).not.toContain('hidden')
  expect(last().err).toMatchObject({
    kind: 'bug',
    message: 'A write failed.',
    cause: { code: '23505' },
  })
})

test('a line carries its time, its level as a word, and what its logger is bound to', () => {
  const { log, written, last } = lines('warn')
  log.info({ event: 'slice.done' })
  expect(written).toEqual([])
  log.child({ sync: 'a' }).warn({ event: 'slice.slow' })
  expect(last()).toMatchObject({ level: 'warn', sync: 'a', event: 'slice.slow' })
  expect(Date.parse(last().time)).toBeGreaterThan(0)
})
