/** `npm run api-types`: types from docs/openapi.json, and a small client that must compile against them with our own TypeScript. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'tools/api-types')
const generator = join(folder, 'node_modules/.bin/openapi-typescript')
const run = (command: string, args: string[]) =>
  execFileSync(command, args, { cwd: root, stdio: 'inherit' })

if (!existsSync(generator)) {
  run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder])
}
// a field with a default may be left out of a request
run(generator, [
  'docs/openapi.json',
  '--default-non-nullable=false',
  '-o',
  join(folder, 'generated.ts'),
])
const options = '--noEmit --strict --exactOptionalPropertyTypes --allowImportingTsExtensions'
const modules = '--module nodenext --target es2024 --types node --ignoreConfig'
const client = join(folder, 'client.ts')
run(join(root, 'node_modules/.bin/tsc'), [...`${options} ${modules}`.split(' '), client])
