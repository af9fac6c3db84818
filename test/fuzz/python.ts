import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const schemathesisVersion = '4.32.5'

/**
 * The `schemathesis` of a virtual environment in the cache folder, made at the first call; null: there is no Python 3 with venv. Made
 * under another name first, so that one that is there is whole.
 */
export function findSchemathesis(say: (line: string) => void): string | null {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sluice')
  const dir = join(cache, `schemathesis-${schemathesisVersion}`)
  if (!existsSync(dir)) {
    if (!hasPython()) return null
    say(`installing schemathesis ${schemathesisVersion} into ${dir}`)
    mkdirSync(cache, { recursive: true })
    const draft = `${dir}.${process.pid}`
    run('python3', ['-m', 'venv', draft])
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    run(join(draft, 'bin/python'), install.concat(`schemathesis==${schemathesisVersion}`))
    renameSync(draft, dir)
    rmSync(draft, { recursive: true, force: true })
  }
  return join(dir, 'bin/python')
}

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 10))'])
    return true
  } catch {
    return false
  }
}

function run(command: string, args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}
