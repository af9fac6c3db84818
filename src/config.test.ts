import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ConfigError, envExample, readConfig } from './config.ts'

const key = Buffer.alloc(32, 1).toString('base64')
const older = Buffer.alloc(32, 2).toString('base64')
const production = { DATABASE_URL: 'postgres://u:hidden@db/sluice', SLUICE_ENCRYPTION_KEY: key }

function issuesOf(
  env: Record<string, string>,
  role: 'start' | 'api' | 'worker' | 'migrate' = 'api',
) {
  try {
    if (role === 'start') readConfig(env, role)
    else readConfig(env, role)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
  return []
}

test('npm start needs no variable', () => {
  expect(readConfig({}, 'start')).toMatchObject({
    host: '127.0.0.1',
    port: 7100,
    databaseUrl: null,
    temporalAddress: null,
    home: '.sluice',
    playground: null,
    logLevel: 'info',
  })
})

test('api and worker need a database and an encryption key, migrate only the database', () => {
  expect(issuesOf({}, 'api').map((issue) => issue.split(' ')[0])).toEqual([
    'DATABASE_URL',
    'SLUICE_ENCRYPTION_KEY',
  ])
  expect(issuesOf({}, 'worker')).toHaveLength(2)
  expect(issuesOf({}, 'migrate')).toHaveLength(1)
  expect(issuesOf(production)).toEqual([])
})

test('everything that is wrong is named at once', () => {
  const issues = issuesOf({
    ...production,
    PORT: '99999',
    LOG_LEVEL: 'loud',
    SLUICE_ENCRYPTION_KEY: 'short',
    SLUICE_PUBLIC_URL: 'sluice.example.com',
    SLUICE_UPSTREAM_HOSTS: 'http://a/b',
    SLUICE_HOEM: 'x',
    SLUICE_WHATEVER_THIS_IS: 'x',
  })
  expect(issues).toHaveLength(7)
  expect(issues.join('\n')).toContain(
    'SLUICE_HOEM is not a variable of Sluice; did you mean SLUICE_HOME?',
  )
})

test('G12: neither an error nor a printed config shows a value that is secret', () => {
  const bad = issuesOf({
    DATABASE_URL: 'mysql://u:hidden@db/x',
    SLUICE_API_KEY: 'hidden',
    SLUICE_ENCRYPTION_KEY: 'hidden',
  })
  expect(bad).toHaveLength(3)
  expect(bad.join()).not.toContain('hidden')
  const config = readConfig({ ...production, SLUICE_API_KEY: 'hidden-hidden-hidden' }, 'api')
  expect(JSON.stringify(config) + inspect(config) + String(config.databaseUrl)).not.toMatch(
    /hidden|AQEB/,
  )
  expect(config.databaseUrl.reveal()).toBe(production.DATABASE_URL)
})

test('several encryption keys keep their order, newest first', () => {
  const config = readConfig({ ...production, SLUICE_ENCRYPTION_KEY: `${key}, ${older}` }, 'worker')
  expect(config.encryptionKeys.map((each) => each.reveal())).toEqual([key, older])
})

test('an empty variable counts as not given', () => {
  expect(readConfig({ ...production, PORT: '', SLUICE_METRICS_PORT: '' }, 'api')).toMatchObject({
    port: 7100,
    metricsPort: null,
  })
})

test('the playground is a list, or off', () => {
  expect(readConfig({ SLUICE_PLAYGROUND: 'off' }, 'start').playground).toEqual([])
  expect(readConfig({ SLUICE_PLAYGROUND: 'stripe,other' }, 'start').playground).toEqual([
    'stripe',
    'other',
  ])
})

test('a config cannot be changed', () => {
  const config = readConfig({}, 'start')
  expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError)
  expect(Object.isFrozen(config.upstreamHosts)).toBe(true)
})

test('.env.example names every variable (run vitest with -u when this fails)', async () => {
  await expect(envExample()).toMatchFileSnapshot('../.env.example')
})
