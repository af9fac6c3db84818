import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from './openapi.ts'
import { errorsPage } from './problems.ts'
import { routes } from './routes.ts'

/** `npm run docs:api`: writes docs/openapi.json and docs/errors.md. A test compares them with what the code says now. */
const docs = join(import.meta.dirname, '..', '..', 'docs')
writeFileSync(join(docs, 'openapi.json'), `${JSON.stringify(describe(routes), null, 2)}\n`)
writeFileSync(join(docs, 'errors.md'), errorsPage())
