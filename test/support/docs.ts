import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where what a page calls really is. */
export type Places = {
  /** Of the API: stands in for `http://127.0.0.1:7100`. */
  apiUrl: string
  apiKey: string
  /** Of the simulated account: stands in for `http://127.0.0.1:7111`. */
  simulatorUrl?: string
}

/**
 * Runs the commands of a page of docs/ as they stand: every block that is indented by four spaces, in one shell, in a folder where
 * `.sluice/api-key` lies as after `npm start`. A command that fails, or a call that answers 4xx or 5xx (but for calls with `-o`), ends
 * it. Returns what was printed; throws with the block that failed.
 */
export async function runDocs(page: string, places: Places): Promise<string> {
  const markdown = readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8')
  const dir = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  try {
    mkdirSync(join(dir, '.sluice'))
    writeFileSync(join(dir, '.sluice/api-key'), places.apiKey)
    writeFileSync(join(dir, 'page.sh'), script(markdown, places))
    return await bash(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The blocks of a page: runs of lines that are indented by four spaces or blank. */
export function commandsOf(markdown: string): string[] {
  const withoutFences = markdown.replace(/^```[^]*?^```/gm, '')
  return withoutFences
    .split(/\n(?! {4}|\s*\n)/)
    .map((part) => part.split('\n').filter((line) => line.startsWith('    ')))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.slice(4)).join('\n'))
}

const prelude = `set -euo pipefail
curl() {
  case " $* " in *" -o "*) command curl "$@" ;; *) command curl --fail-with-body "$@" ;; esac
}
`

function script(markdown: string, { apiUrl, simulatorUrl }: Places): string {
  const blocks = commandsOf(markdown).map((block, at) => `echo "# block ${at + 1}" >&2\n${block}\n`)
  return (prelude + blocks.join('\n'))
    .replaceAll('http://127.0.0.1:7100', apiUrl)
    .replaceAll('http://127.0.0.1:7111', simulatorUrl ?? 'http://127.0.0.1:7111')
}

function bash(cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('bash', ['page.sh'], { cwd, timeout: 400_000 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const last = stderr.split('\n').findLast((line) => line.startsWith('# block'))
      reject(
        new Error(`${last} failed (${error.code}): ${stderr.slice(-500)}\n${stdout.slice(-1500)}`),
      )
    })
  })
}
