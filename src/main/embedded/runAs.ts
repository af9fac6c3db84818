import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { ConfigError, environment } from '../../config.ts'

/** Whom to run a process as; null: as ourselves. */
export type RunAs = { uid: number; gid: number } | null

/**
 * Postgres refuses to run as root. For root it is run as the owner of the data directory, else as `postgres` where that
 * user exists, else as `nobody`: no user is ever made on the machine.
 */
export function runAs(data: string): RunAs {
  if (process.getuid?.() !== 0) return null
  if (existsSync(data)) {
    const { uid, gid } = statSync(data)
    if (uid !== 0) return { uid, gid }
  }
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const found =
    users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (found === undefined) {
    throw new ConfigError([
      'Postgres does not run as root, and there is no user postgres or nobody here: start as another user, or give DATABASE_URL.',
    ])
  }
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

type Launch = { command: string; args: string[]; uid?: number; gid?: number }

/**
 * How to start `command` for `user`, who needs `paths`. A clone under /root is closed to others; then `setpriv` gives
 * the process the one capability to read past that, and no other right of root.
 */
export function launchAs(user: RunAs, paths: string[], command: string, args: string[]): Launch {
  if (user === null) return { command, args }
  const closed = paths
    .flatMap(parents)
    .find((directory) => (statSync(directory).mode & 0o001) === 0)
  if (closed === undefined) return { command, args, ...user }
  const setpriv = onPath('setpriv')
  if (setpriv === null) {
    throw new ConfigError([
      `Postgres does not run as root, and ${closed} is closed to other users: move this folder out of it, start as another user, or give DATABASE_URL.`,
    ])
  }
  const rights = ['inh-caps', 'ambient-caps', 'bounding-set'].map(
    (set) => `--${set}=-all,+dac_override`,
  )
  // Without it access(2) leaves the capability out of account, and initdb asks by it whether it finds itself.
  const securebits = '--securebits=+no_setuid_fixup'
  const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', securebits]
  return {
    command: setpriv,
    args: [...identity, ...rights, '--no-new-privs', '--', command, ...args],
  }
}

/** The full path of a program on the PATH, or null. */
export function onPath(name: string): string | null {
  for (const directory of (environment().PATH ?? '').split(delimiter)) {
    if (directory === '') continue
    const file = join(directory, name)
    try {
      if (statSync(file).isFile()) {
        accessSync(file, constants.X_OK)
        return file
      }
    } catch {
      // Not here, or not executable.
    }
  }
  return null
}

function parents(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [parent, ...parents(parent)]
}
