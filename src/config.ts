import { z } from 'zod'
import { nearest } from './domain/nearest.ts'
import { Secret } from './domain/secret.ts'

/** Exit code for a wrong configuration (EX_CONFIG of sysexits.h). */
export const EXIT_CONFIG = 78

export type Role = 'start' | 'api' | 'worker' | 'migrate' | 'rotate-keys'

export type Environment = Readonly<Record<string, string | undefined>>

export type Config = Readonly<{
  role: Role
  host: string
  port: number
  databaseUrl: Secret
  /** As given; the connection itself is made from Temporal's own variables (src/temporal). */
  temporalAddress: string | null
  home: string
  /** The operator's first key; null: only keys that the database knows. */
  apiKey: Secret | null
  /** Base64 of 32 bytes each, newest first. Empty only for `migrate` and `start`. */
  encryptionKeys: readonly Secret[]
  /** Hosts (`host` or `host:port`) that a `base_url` may name besides the provider's own. */
  upstreamHosts: readonly string[]
  /** Providers to simulate; null: what `npm start` does by default. */
  playground: readonly string[] | null
  publicUrl: string | null
  metricsPort: number | null
  logLevel: LogLevel
}>

/** `npm start` brings a database of its own where none is given. */
export type StartConfig = Readonly<Omit<Config, 'databaseUrl'> & { databaseUrl: Secret | null }>

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What is wrong with how the process was started: every issue is a sentence with the next step. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly string[]

  constructor(issues: readonly string[], options?: { cause?: unknown }) {
    super(issues.join('\n'), options)
    this.issues = issues
  }
}

/** The process's environment: the one place where it is read. */
export function environment(): Environment {
  return process.env
}

/** Reads the variables of product.md's table, frozen. Throws one ConfigError that names all that is wrong. */
export function readConfig(env: Environment, role: 'start'): StartConfig
export function readConfig(env: Environment, role: Exclude<Role, 'start'>): Config
export function readConfig(env: Environment, role: Role): StartConfig {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== '' && value !== undefined),
  )
  const parsed = variables.safeParse(given)
  const issues = [
    ...unknownVariables(given),
    ...(parsed.success
      ? []
      : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`)),
    ...missing(given, role),
  ]
  if (!parsed.success || issues.length > 0) throw new ConfigError(issues)
  const read = parsed.data
  return Object.freeze({
    role,
    host: read.HOST,
    port: read.PORT,
    databaseUrl: read.DATABASE_URL ?? null,
    temporalAddress: read.TEMPORAL_ADDRESS ?? null,
    home: read.SLUICE_HOME,
    apiKey: read.SLUICE_API_KEY ?? null,
    encryptionKeys: Object.freeze(read.SLUICE_ENCRYPTION_KEY ?? []),
    upstreamHosts: Object.freeze(read.SLUICE_UPSTREAM_HOSTS ?? []),
    playground: read.SLUICE_PLAYGROUND === undefined ? null : Object.freeze(read.SLUICE_PLAYGROUND),
    publicUrl: read.SLUICE_PUBLIC_URL ?? null,
    metricsPort: read.SLUICE_METRICS_PORT ?? null,
    logLevel: read.LOG_LEVEL,
  })
}

/** The text of `.env.example`, one commented line a variable. */
export function envExample(): string {
  const entries = Object.entries(variables.shape).map(([name, schema]) => {
    const { description, example } = schema.meta() as { description: string; example: string }
    return `# ${description}\n#${name}=${example}\n`
  })
  const head =
    '# All variables that Sluice reads. `npm start` needs none of them; api and worker need DATABASE_URL and\n# SLUICE_ENCRYPTION_KEY. Generated from src/config.ts: a test fails when it is stale.\n'
  return [head, ...entries].join('\n')
}

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((value) => value > 0 && value < 65_536, 'must be a port number between 1 and 65535')
const url = (protocols: string[], message: string) =>
  z
    .string()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), message)
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
const encryptionKey = /^[A-Za-z0-9+/]{43}=$/
const upstreamHost = /^[a-z0-9.-]+(:\d{1,5})?$/i

const variables = z.object({
  HOST: z
    .string()
    .default('127.0.0.1')
    .meta({ description: 'Where the API listens.', example: '127.0.0.1' }),
  PORT: port.default(7100).meta({ description: 'Port of the API.', example: '7100' }),
  DATABASE_URL: url(
    ['postgres:', 'postgresql:'],
    'must be a URL like postgres://user:password@host:5432/database',
  )
    .transform((value) => new Secret(value))
    .optional()
    .meta({
      description: 'Postgres 15 or newer. Left out, `npm start` brings its own.',
      example: 'postgres://sluice:password@db.example.com:5432/sluice',
    }),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, 'must look like host:7233')
    .optional()
    .meta({
      description:
        "Temporal server, with Temporal's other standard names beside it (TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS...). Left out, `npm start` brings its own.",
      example: 'temporal.example.com:7233',
    }),
  SLUICE_HOME: z.string().default('.sluice').meta({
    description: 'State of the embedded parts of `npm start`; never used in production.',
    example: '.sluice',
  }),
  SLUICE_API_KEY: z
    .string()
    .regex(/^\S{16,}$/, 'must be at least 16 characters without spaces')
    .transform((value) => new Secret(value))
    .optional()
    .meta({
      description: "The first API key, the operator's; `npm start` makes one.",
      example: 'a-long-random-text',
    }),
  SLUICE_ENCRYPTION_KEY: list
    .refine(
      (keys) => keys.length > 0 && keys.every((key) => encryptionKey.test(key)),
      'must be 32 random bytes in base64 (openssl rand -base64 32); several are separated by commas, newest first',
    )
    .transform((keys) => keys.map((key) => new Secret(key)))
    .optional()
    .meta({
      description:
        'Encrypts credentials: 32 bytes in base64 (openssl rand -base64 32). To rotate: several, newest first, separated by commas.',
      example: 'base64-of-32-random-bytes',
    }),
  SLUICE_UPSTREAM_HOSTS: list
    .refine(
      (hosts) => hosts.every((host) => upstreamHost.test(host)),
      'must be host names, with a port where needed, separated by commas',
    )
    .optional()
    .meta({
      description:
        "Hosts that a credential's base_url may name besides the provider's own, separated by commas.",
      example: 'sandbox.example.com,localhost:7111',
    }),
  SLUICE_PLAYGROUND: list
    .transform((names) => (names.length === 1 && names[0] === 'off' ? [] : names))
    .optional()
    .meta({
      description: 'Providers that `npm start` simulates, separated by commas, or off.',
      example: 'off',
    }),
  SLUICE_PUBLIC_URL: url(['http:', 'https:'], 'must be a URL like https://sluice.example.com')
    .transform((value) => value.replace(/\/+$/, ''))
    .optional()
    .meta({
      description: 'Where providers reach us for webhooks.',
      example: 'https://sluice.example.com',
    }),
  SLUICE_METRICS_PORT: port
    .optional()
    .meta({ description: 'Where the worker serves /metrics and /readyz.', example: '9100' }),
  LOG_LEVEL: z
    .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
    .default('info')
    .meta({ description: `One of ${LOG_LEVELS.join(', ')}.`, example: 'info' }),
})

function missing(given: Environment, role: Role): string[] {
  const needed = {
    start: [],
    migrate: ['DATABASE_URL'],
    api: ['DATABASE_URL', 'SLUICE_ENCRYPTION_KEY'],
    worker: ['DATABASE_URL', 'SLUICE_ENCRYPTION_KEY'],
    'rotate-keys': ['DATABASE_URL', 'SLUICE_ENCRYPTION_KEY'],
  }[role]
  return needed
    .filter((name) => given[name] === undefined)
    .map((name) => `${name} is required: ${describe(name)}`)
}

function describe(name: string): string {
  const shape: Record<string, z.ZodType> = variables.shape
  return shape[name]?.meta()?.description ?? ''
}

function unknownVariables(given: Environment): string[] {
  const known = Object.keys(variables.shape)
  return Object.keys(given)
    .filter((name) => name.startsWith('SLUICE_') && !known.includes(name))
    .map((name) => {
      const near = nearest(name, known)
      return `${name} is not a variable of Sluice${near === null ? '.' : `; did you mean ${near}?`}`
    })
}
