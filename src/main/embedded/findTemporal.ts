import { accessSync, constants, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, type Environment } from '../../config.ts'
import { buildTemporal } from './buildTemporal.ts'
import { downloadTemporal } from './downloadTemporal.ts'
import { onPath } from './runAs.ts'
import { versionOf } from './temporal.ts'

/** The CLI that we download or build; its server is the one that the tests of a release ran on. */
export const TEMPORAL_VERSION = '1.8.2'

/** Older ones lack what Sluice uses (updates with an answer, typed search attributes in the UI). */
const OLDEST_USABLE = [1, 5, 0] as const

export type Found = { binary: string; from: 'path' | 'cache' | 'download' | 'build' }

export type Ways = {
  onPath(name: string): string | null
  versionOf(binary: string): Promise<string | null>
  /** Puts the binary at `target`, atomically. Throws a sentence about why it cannot. */
  download(target: string, version: string, say: Say): Promise<void>
  build(target: string, version: string, go: string, say: Say): Promise<void>
}

export type Say = (line: string) => void

/**
 * Finds the `temporal` CLI: on the PATH, in our cache, by a download of the official archive, by a build with Go. What takes
 * time says so through `say`. Throws one ConfigError that names the ways when none is open.
 */
export async function findTemporal(options: {
  env: Environment
  say: Say
  signal?: AbortSignal
  ways?: Ways
}): Promise<Found> {
  const ways = options.ways ?? realWays(options.env, options.signal)
  const cached = cachePath(options.env)
  const installed = ways.onPath('temporal')
  if (installed !== null) {
    const version = await ways.versionOf(installed)
    if (version !== null && isUsable(version)) return { binary: installed, from: 'path' }
    options.say(
      `${installed} is Temporal ${version ?? 'of an unknown version'}; Sluice needs ${OLDEST_USABLE.join('.')} or newer, so it is not used`,
    )
  }
  if ((await ways.versionOf(cached)) !== null) return { binary: cached, from: 'cache' }
  makeCache(cached)
  const failures: string[] = []
  const go = ways.onPath('go')
  const attempts = [
    { from: 'download', run: () => ways.download(cached, TEMPORAL_VERSION, options.say) },
    ...(go === null
      ? []
      : [
          {
            from: 'build',
            run: () => ways.build(cached, TEMPORAL_VERSION, go, options.say),
          } as const,
        ]),
  ] as const
  for (const attempt of attempts) {
    try {
      await attempt.run()
      return { binary: cached, from: attempt.from }
    } catch (error) {
      options.signal?.throwIfAborted()
      failures.push(error instanceof Error ? error.message : String(error))
      options.say(failures.at(-1) ?? '')
    }
  }
  throw new ConfigError([
    `There is no Temporal server here (${failures.join('; ')}${go === null ? '; Go is not installed' : ''}). Do one of these: ` +
      `give the TEMPORAL_ADDRESS of a running server; put the temporal CLI ${OLDEST_USABLE.join('.')} or newer on the PATH; ` +
      `put its binary at ${cached}; or install Go 1.21 or newer, and it is built here once, in about five minutes.`,
  ])
}

export function cachePath(env: Environment): string {
  const given = env['XDG_CACHE_HOME']
  const cache = given === undefined || given === '' ? join(homedir(), '.cache') : given
  return join(cache, 'sluice', `temporal-${TEMPORAL_VERSION}`)
}

export function isUsable(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number)
  for (const [index, least] of OLDEST_USABLE.entries()) {
    const part = parts[index] ?? 0
    if (part !== least) return part > least
  }
  return true
}

function makeCache(cached: string): void {
  const directory = join(cached, '..')
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.W_OK)
  } catch (cause) {
    throw new ConfigError(
      [
        `${directory} cannot be written, and the Temporal CLI is to be kept there: make it writable, or set XDG_CACHE_HOME.`,
      ],
      { cause },
    )
  }
}

function realWays(env: Environment, signal = new AbortController().signal): Ways {
  return {
    onPath,
    versionOf,
    download: (target, version, say) => downloadTemporal({ target, version, say, signal }),
    build: (target, version, go, say) => buildTemporal({ target, version, go, say, env, signal }),
  }
}
