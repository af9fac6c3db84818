import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { launchAs, runAs } from './runAs.ts'

test('a program in a folder that is closed to others runs, finds itself, and is not root', () => {
  const closed = mkdtempSync(join(tmpdir(), 'sluice-closed-'))
  const program = join(closed, 'program')
  writeFileSync(program, '')
  chmodSync(program, 0o755)
  try {
    const look = `require('fs').accessSync(${JSON.stringify(program)}, 1); console.log(process.geteuid())`
    const user = runAs(closed)
    const { command, args, ...as } = launchAs(user, [program], process.execPath, ['-e', look])
    const said = execFileSync(command, args, { ...as, encoding: 'utf8' })
    expect(Number(said)).toBe(user?.uid ?? process.geteuid?.())
    expect(Number(said)).not.toBe(0)
  } finally {
    rmSync(closed, { recursive: true, force: true })
  }
})
