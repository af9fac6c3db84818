import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import { build as pretty } from 'pino-pretty'
import type { LogLevel } from './config.ts'
import { Secret } from './domain/secret.ts'

export type Log = Logger

/** Names under which secrets travel, on the wire and in code. */
const SECRET_NAMES = [
  'authorization',
  'Authorization',
  'password',
  'secret',
  'access_token',
  'refresh_token',
  'client_secret',
  'apiKey',
  'api_key',
  'token',
  'properties',
  'ciphertext',
]

/**
 * JSON lines on stdout, or readable ones where that is a terminal. Redacted twice: by type (`Secret` prints itself as `[secret]`
 * wherever it stands) and by path, for what came as plain text. Errors are written without their own properties: those of a
 * database driver carry parameters.
 */
export function createLog(config: { logLevel: LogLevel }, destination?: DestinationStream): Log {
  const options = {
    level: config.logLevel,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError, error: describeError },
    redact: {
      paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: new Secret('').toString(),
    },
  }
  if (destination !== undefined) return pino(options, destination)
  if (!process.stdout.isTTY) return pino(options, pino.destination({ fd: 1, sync: false }))
  return pino(options, pretty({ colorize: true, ignore: 'pid,hostname', sync: true }))
}

type Described = {
  name: string
  message: string
  stack: string
  code?: string
  kind?: string
  cause?: Described
}

/** An error as it may be logged: its own words and where it was thrown, up to three causes deep. */
export function describeError(error: unknown): Described | string {
  return error instanceof Error ? described(error, 3) : String(error)
}

function described(error: Error, depth: number): Described {
  const { code, kind } = error as { code?: unknown; kind?: unknown }
  const cause =
    error.cause instanceof Error && depth > 0 ? described(error.cause, depth - 1) : undefined
  return {
    name: error.name,
    message: error.message,
    stack:
      error.stack
        ?.split('\n')
        .slice(1)
        .map((line) => line.trim())
        .join('\n') ?? '',
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(cause === undefined ? {} : { cause }),
  }
}
